#!/usr/bin/env bash
# Builds the WebChat page into web/dist, if it is not there as its sources are. Says in one line why it cannot, and then exits 1.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/build_page.sh [--check]
Builds the WebChat page (web/) into web/dist/ with Node.js 18 or newer and npm.
  --check     build nothing; exit 0 when web/dist/ is what its sources say, 1 when it is not
TXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
words=()
case ${1-} in
--help | -h) usage; exit 0 ;;
--check) words=(--check) ;;
'') ;;
*) echo "build_page.sh: '$1' is not understood; see --help" >&2; exit 2 ;;
esac

fail() {
    echo "build_page.sh: $1" >&2
    exit 1
}

for program in node npm; do
    command -v "$program" >/dev/null || fail "$program is not installed; as root: scripts/install_deps.sh --web"
done
version=$(node -p 'process.versions.node.split(".")[0]')
((version >= 18)) || fail "Node.js $version is too old; 18 or newer builds the page"
cd "$top/web"
if ((${#words[@]})); then exec node build.mjs --check; fi
exec 9>.lock
flock 9
if node build.mjs --check; then exit 0; fi
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    said=$(npm ci --ignore-scripts --no-audit --no-fund 2>&1) || fail "npm ci fails: $(tail -1 <<<"$said")"
    touch node_modules/.package-lock.json
fi
exec node build.mjs
