#!/usr/bin/env bash
# What a cross compiler needs of Debian to build the relay for another architecture, in a folder: nothing of this machine
# is changed.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/cross_sysroot.sh ARCH DIR
Fetches headers and libraries of Debian's ARCH (arm64, armhf, riscv64 ...) into DIR, which is made unless it has them, and
prints how to build:
  eval "$(scripts/cross_sysroot.sh arm64 DIR)" && make "${cross[@]}" BUILD=build-arm64
The compiler itself is Debian's gcc-aarch64-linux-gnu, or that of the other architecture.
TXT
}

fail() {
    echo "cross_sysroot.sh: $1" >&2
    exit "${2:-1}"
}

case ${1-} in
--help | -h) usage; exit 0 ;;
-*) fail "'$1' is not understood; see --help" 2 ;;
esac
(($# == 2)) || { usage >&2; exit 2; }
arch=$1
[[ $arch =~ ^[a-z0-9]+$ ]] || fail "'$arch' is not the name of an architecture" 2
triplet=$(dpkg-architecture -a "$arch" -q DEB_HOST_MULTIARCH 2>/dev/null) || fail "'$arch' is not an architecture of Debian" 2
command -v "$triplet-gcc" >/dev/null || fail "$triplet-gcc is not installed"
mkdir -p "$2/usr/lib"
dir=$(cd "$2" && pwd)
ln -sfn usr/lib "$dir/lib"

fetch() {
    apt=$(mktemp -d)
    trap 'rm -rf "$apt"' EXIT
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    touch "$apt/status"
    local options=(-qq -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists"
        -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o Debug::NoLocking=1 -o Acquire::Languages=none -o APT::Sandbox::User=root) package
    {
        apt-get "${options[@]}" update
        apt-get "${options[@]}" -y --no-install-recommends --download-only install "$@"
    } </dev/null >&2
    for package in "$apt"/cache/archives/*.deb; do dpkg -x "$package" "$dir"; done
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mapfile -t packages < <("$here/install_deps.sh" --list | grep -E -- '-dev$')
if [[ "$(cat "$dir/packages" 2>/dev/null)" != "$arch ${packages[*]}" ]]; then
    fetch "${packages[@]}"
    echo "$arch ${packages[*]}" >"$dir/packages"
fi

printf 'export PKG_CONFIG_SYSROOT_DIR=%q PKG_CONFIG_LIBDIR=%q\n' "$dir" "$dir/usr/lib/$triplet/pkgconfig:$dir/usr/share/pkgconfig"
printf 'cross=(%q)\n' "CC=$triplet-gcc --sysroot=$dir"
