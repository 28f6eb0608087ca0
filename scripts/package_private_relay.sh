#!/usr/bin/env bash
# Makes the package of built programs: a folder, the same as .tar.gz, and checksums. No sources and no secrets are in
# it, and it is the same to the byte whenever and wherever the same commit is packed with the same compiler.
set -euo pipefail
umask 022
export LC_ALL=C

usage() {
    cat <<'TXT'
Usage: scripts/package_private_relay.sh [--output DIR] [--build DIR | --arch ARCH [--sysroot DIR]]
Builds the relay and makes DIR/webchat-private-relay/, DIR/webchat-private-relay.tar.gz and DIR/SHA256SUMS.

  --output DIR   where they go (default: dist/ of this checkout)
  --build DIR    take the programs that are built there (default: build them afresh)
  --arch ARCH    build for another architecture of Debian, such as arm64 (needs its gcc, such as gcc-aarch64-linux-gnu)
  --sysroot DIR  its headers and libraries, fetched to there at first (default: fetched, and thrown away)
  --help         this text

Times in the package are those of the last commit; SOURCE_DATE_EPOCH wins over it. GZIP_LEVEL is how well the archive
is compressed, 1 to 9 (default: 9).
TXT
}

fail() {
    echo "package_private_relay.sh: $1" >&2
    exit "${2:-1}"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=webchat-private-relay output=$top/dist build='' arch='' sysroot='' strip=strip
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --output | --build | --sysroot)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a folder; see --help" 2
        printf -v "${1#--}" '%s' "$(realpath -m -- "$2")"
        shift
        ;;
    --arch)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs an architecture; see --help" 2
        arch=$2
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done
[[ -z $build || -z $arch ]] || fail "--build and --arch do not go together" 2

epoch=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || true)}
[[ -n $epoch ]] || fail "this is not a git checkout: set SOURCE_DATE_EPOCH, in seconds"
[[ $epoch =~ ^[0-9]{1,11}$ ]] || fail "SOURCE_DATE_EPOCH '$epoch' is not a number of seconds" 2
level=${GZIP_LEVEL:-9}
[[ $level =~ ^[1-9]$ ]] || fail "GZIP_LEVEL '$level' is not 1 to 9" 2
[[ -e $top/Makefile ]] || fail "there are no sources here to build from"
[[ -z $build || -x $build/relayd ]] || fail "$build/relayd is not built; run make first"
old=$output/$name
if [[ -e $old ]] && { [[ ! -f $old/SHA256SUMS ]] || [[ $(ls -A "$old/relay") != .env.example ]]; }; then
    fail "$old is no package, or a relay runs there; choose another --output"
fi
{ mkdir -p "$output" && work=$(mktemp -d "$output/.package.XXXXXX"); } 2>/dev/null ||
    fail "$output cannot be written to"
fresh=$(mktemp -d)
trap 'rm -rf "$work" "$fresh"' EXIT

cross=()
if [[ -n $arch ]] && [[ $arch != "$(dpkg --print-architecture)" ]]; then
    how=$("$top/scripts/cross_sysroot.sh" "$arch" "${sysroot:-$fresh/root}" 2>"$work/said") || fail "$(tail -1 "$work/said")"
    eval "$how"
    strip=$(dpkg-architecture -a "$arch" -q DEB_HOST_MULTIARCH)-strip
fi
if [[ -z $build ]]; then
    build=$fresh/build
    make -s -C "$top" -j"$(nproc)" BUILD="$build" ${cross[@]+"${cross[@]}"} all >"$work/said" 2>&1 || fail "make fails: $(tail -1 "$work/said")"
fi

# The page is packed as its sources say, or not at all.
if [[ ${WEBCHAT_GUI-} != false ]]; then
    said=$("$top/scripts/build_page.sh" 2>&1 >/dev/null) || fail "${said##*$'\n'}; WEBCHAT_GUI=false packs without the WebChat page"
fi

# What is packed is named here; nothing comes in because it happens to lie there.
shopt -s nullglob
cd "$top"
plain=(LICENSE README.md SECURITY.md relay/.env.example nginx/*.in nginx/snippets/*.in nginx/examples/Caddyfile nginx/examples/*.md nginx/examples/*.conf
       systemd/*.service systemd/*.timer systemd/*.logrotate cron/*.cron docs/*.md docs/*.yaml docs/*.json docs/pictures/* scripts/completion/*)
for file in web/dist/*; do # source maps are larger than the page
    [[ ${WEBCHAT_GUI-} == false || $file == *.map* ]] || plain+=("$file")
done
tools=(start_relay.sh start_web.sh scripts/enable_https.sh scripts/install_*.sh scripts/phone_bridge.py scripts/private_relay_link.py scripts/webchat_cli.py)
stage=$work/$name
install -d "$stage"
cp --parents -t "$stage" -- "${plain[@]}" "${tools[@]}"
(cd "$stage" && find . -type d -exec chmod 0755 {} + && chmod 0644 -- "${plain[@]}" && chmod 0755 -- "${tools[@]}")
for program in "$build"/relay*; do
    [[ -f $program && -x $program ]] || continue
    install -D -s --strip-program="$strip" -m 0755 "$program" "$stage/build/${program##*/}"
done
without=()
if [[ ${WEBCHAT_GUI-} == false ]]; then without=(--without-page); fi
scripts/sbom.py --time "$epoch" ${without[@]+"${without[@]}"} >"$stage/docs/sbom.cdx.json" || fail "scripts/sbom.py fails: it needs python3"
chmod 644 "$stage/docs/sbom.cdx.json"

cd "$stage"
find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum >"$work/sums"
install -m 0644 "$work/sums" SHA256SUMS
find . -exec touch -h -d "@$epoch" {} +
cd "$work"
# Files only: unpacking over an older version leaves the modes and owners of the folders that are there.
find "$name" -type f -print0 | sort -z |
    tar --create --format=ustar --owner=0 --group=0 --numeric-owner --no-recursion --null --files-from=- |
    gzip "-${level}n" >"$name.tar.gz"

rm -rf "$old"
mv "$name" "$name.tar.gz" "$output/"
cd "$output"
sha256sum "$name"*.tar.gz "$name"*.deb >"$work/sums"
install -m 0644 "$work/sums" SHA256SUMS
echo "$output/$name.tar.gz"
