#!/usr/bin/env bash
# Makes the Debian package, from the same folder of programs as scripts/package_private_relay.sh and the same to the
# byte whenever the same commit is packed.
set -euo pipefail
umask 022
export LC_ALL=C

usage() {
    cat <<'TXT'
Usage: scripts/package_deb.sh [--output DIR] [--build DIR | --arch ARCH [--sysroot DIR]] [--maintainer 'NAME <ADDRESS>']
Builds the relay and makes DIR/webchat-private-relay_VERSION_ARCHITECTURE.deb and DIR/SHA256SUMS.

  --output DIR      where they go (default: dist/ of this checkout)
  --build DIR       take the programs that are built there (default: build them afresh)
  --arch ARCH       build for another architecture of Debian, such as arm64
  --sysroot DIR     its headers and libraries, fetched to there at first (default: fetched, and thrown away)
  --maintainer M    who answers for the package (default: WebChat relay <webchat-relay@localhost>)
  --help            this text

Times in the package are those of the last commit; SOURCE_DATE_EPOCH wins over it.
TXT
}

fail() {
    echo "package_deb.sh: $1" >&2
    exit "${2:-1}"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=webchat-private-relay output=$top/dist maintainer='WebChat relay <webchat-relay@localhost>' packing=() architecture=$(dpkg --print-architecture)
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --output | --build | --maintainer | --arch | --sysroot)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value; see --help" 2
        case $1 in
        --output) output=$(realpath -m -- "$2") ;;
        --build) packing=("$1" "$2") ;;
        --arch) packing+=("$1" "$2") architecture=$2 ;;
        --sysroot) packing+=("$1" "$2") ;;
        --maintainer) maintainer=$2 ;;
        esac
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done
[[ $maintainer =~ ^[^\<\>[:cntrl:]]+\ \<[^\<\>[:space:]]+@[^\<\>[:space:]]+\>$ ]] ||
    fail "--maintainer '$maintainer' is not NAME <ADDRESS>" 2
command -v dpkg-deb >/dev/null || fail "there is no dpkg-deb on this machine"
{ mkdir -p "$output" && work=$(mktemp -d "$output/.package.XXXXXX"); } 2>/dev/null ||
    fail "$output cannot be written to"
trap 'rm -rf "$work"' EXIT

# Its folder is what counts, and not the archive beside it.
GZIP_LEVEL=1 "$top/scripts/package_private_relay.sh" --output "$work" ${packing[@]+"${packing[@]}"} >/dev/null
from=$work/$name root=$work/root
epoch=$(stat -c %Y "$from/SHA256SUMS")
version=$(sed -n 's/.*RELAY_VERSION "\(.*\)".*/\1/p' "$top/base/version.h")
# Manual pages are made by asking programs, which has to be ones that run here: those of `make`, if another architecture is packed.
native=$from/build
if [[ $architecture != "$(dpkg --print-architecture)" ]]; then
    make -s -C "$top" -j"$(nproc)" BUILD=build all >/dev/null 2>"$work/said" || fail "make fails: $(tail -1 "$work/said")"
    native=$top/build
fi

# Programs, templates and units go where the service has them; the service's user and folder are made by postinst.
install -d "$root"
lib=usr/lib/$name share=usr/share/$name doc=usr/share/doc/$name data=/var/lib/webchat-relay
"$from/scripts/install_service.sh" --root "$root" --prefix "/$lib" --dir "$data" >/dev/null
install -d "$root/$share/scripts" "$root/$doc" "$root/lib/systemd" "$root/usr"/{bin,sbin,share/man/man1,share/man/man8}
mv "$root/etc/systemd/system" "$root/lib/systemd/system"
mv "$root/$lib/nginx" "$root/$share/nginx"
if [[ -e $root/$lib/web ]]; then
    mv "$root/$lib/web" "$root/$share/web"
    ln -s "../../share/$name/web" "$root/$lib/web"
fi
rm -r "${root:?}/etc/systemd" "${root:?}/var" # of /etc the logrotate file stays
ln -s "../../share/$name/nginx" "$root/$lib/nginx"
ln -s "$data" "$root/$lib/relay" # the folder that relayctl looks for beside its own
ln -s "../lib/$name/bin/relayctl" "$root/usr/sbin/relayctl"
install -m 0755 "$from"/scripts/{enable_https.sh,phone_bridge.py,private_relay_link.py,webchat_cli.py} "$root/$share/scripts/"
sed -i -e '1s|/usr/bin/env bash|/bin/bash|' -e '1s|/usr/bin/env |/usr/bin/|' "$root/$share/scripts"/*
ln -s "../share/$name/scripts/webchat_cli.py" "$root/usr/bin/webchat-cli"
ln -s "../share/$name/scripts/private_relay_link.py" "$root/usr/bin/webchat-relay-link"
install -m 0644 "$from/relay/.env.example" "$root/$share/env.example"
cp -r "$from/README.md" "$from/docs" "$root/$doc/"
install -m 0644 "$top/LICENSE" "$root/$doc/copyright"

# Manual pages, made from what --help and --version say.
command -v help2man >/dev/null || fail "there is no help2man on this machine (Debian: apt-get install help2man)"
asked=$(mktemp -d) # help2man takes no blanks in a path
trap 'rm -rf "$work" "$asked"' EXIT
manual() { # program to ask, name, section, what it is
    printf '#!/bin/sh\n%q "$@" | sed "1s/^usage:/Usage:/"\n' "$1" >"$asked/$2"
    chmod 755 "$asked/$2"
    SOURCE_DATE_EPOCH=$epoch help2man --no-info --section="$3" --name="$4" --version-string="$version" "$asked/$2" |
        sed -e 's/webchat_cli\.py/webchat-cli/g' -e 's/private_relay_link\.py/webchat-relay-link/g' |
        gzip -9n >"$root/usr/share/man/man$3/$2.$3.gz"
}
manual "$native/relayctl" relayctl 8 'looks after a WebChat relay'
manual "$root/usr/bin/webchat-cli" webchat-cli 1 'WebChat in a terminal'
manual "$root/usr/bin/webchat-relay-link" webchat-relay-link 1 'the link that opens WebChat with a relay'
install -D -m 0644 -t "$root/usr/share/bash-completion/completions" "$from"/scripts/completion/*
gzip -9n >"$root/$doc/changelog.gz" <<TXT
$name ($version) stable; urgency=medium

  * What is new in this version: docs/CHANGES.md in this folder.

 -- $maintainer  $(date -u -R -d "@$epoch")
TXT

depends=$("$from/scripts/install_deps.sh" --runtime --list | paste -sd,)
kbytes=$(find "$root" -type f -printf '%s\n' | awk '{ kbytes += int($1 / 1024) + 1 } END { print kbytes }')
install -d "$root/DEBIAN"
install -m 0755 "$top"/scripts/deb/{postinst,prerm,postrm} "$root/DEBIAN/"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<TXT
Package: $name
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $kbytes
Depends: adduser, libc6 (>= 2.36), ${depends//,/, }
Recommends: python3
Section: net
Priority: optional
Description: chat relay for WebChat that you run yourself
 People sign in with a code sent by e-mail and talk; nobody else holds their
 words. A pool of worker processes behind an nginx of its own, one SQLite
 database, and a mailer, all as one unprivileged user.
TXT
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$root" "$work" >/dev/null
mv "$work"/*.deb "$output/"
cd "$output"
shopt -s nullglob
sha256sum "$name"*.tar.gz "$name"*.deb >"$work/sums"
install -m 0644 "$work/sums" SHA256SUMS
echo "$output/${name}_${version}_$architecture.deb"
