#!/usr/bin/env bash
# Starts the relay of this checkout or package: installs what is missing, builds, makes its settings file, and runs it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

usage() {
    cat <<'TXT'
Usage: ./start_relay.sh [--detach | --status | --stop | --check | --demo] [--dir DIR] [--skip-deps]
Starts the WebChat relay and stays in the foreground until Ctrl-C; everything it started ends with it.

  --detach     go into the background once the relay answers (log: DIR/run/relay.log)
  --status     tell whether the relay runs (exit 0) or not (exit 3)
  --stop       stop it
  --check      check the settings and the nginx configuration
  --demo       try it: a relay of its own on this machine with people in it, gone when it ends (needs python3)
  --dir DIR    folder with .env.local, data and uploads (default: relay/)
  --skip-deps  look for no packages: compiler and libraries are there by other means than Debian's
  --help       this text

Port: WEBCHAT_RELAY_PORT, else PORT of the settings file (5110); when it is taken the next free one, unless
WEBCHAT_STRICT_PORT=1. Settings: relay/.env.local, made from relay/.env.example at the first start.
TXT
}

dir=relay demo=0
skip_deps=0
words=()
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --detach | --status | --stop | --check) words+=("$1") ;;
    --demo) demo=1 ;;
    --skip-deps) skip_deps=1 ;;
    --dir)
        [[ $# -ge 2 ]] || { echo "start_relay.sh: --dir needs a folder" >&2; exit 2; }
        dir=$2
        shift
        ;;
    *) echo "start_relay.sh: '$1' is not understood; see --help" >&2; exit 2 ;;
    esac
    shift
done

case " ${words[*]-} " in
*" --status "* | *" --stop "*)
    if [[ ! -x build/relayd ]]; then
        echo "The relay is not running."
        [[ " ${words[*]} " == *" --stop "* ]] && exit 0
        exit 3
    fi
    exec build/relayd --dir "$dir" "${words[@]}"
    ;;
esac

# The WebChat page, where it can be built. The relay starts without it, too.
build_page() {
    [[ ${WEBCHAT_GUI-} != false ]] || return 0
    if grep -qsE '^[[:space:]]*(export[[:space:]]+)?WEBCHAT_GUI[[:space:]]*=[[:space:]]*"?false' "$dir/.env.local"; then return 0; fi
    if ((EUID == 0 && !skip_deps)) && command -v apt-get >/dev/null && ! { command -v node && command -v npm; } >/dev/null; then
        echo "Installing Node.js and npm, which build the WebChat page; WEBCHAT_GUI=false leaves it out." >&2
        scripts/install_deps.sh --web || true
    fi
    scripts/build_page.sh >&2 || true
}

# A QR code of the page's address for a phone beside the terminal, once the relay answers.
show_code() {
    local url='' tries=0
    while [[ -z $url ]] && ((tries++ < 100)); do
        sleep 0.3
        url=$(build/relayd --dir "$dir" --status 2>/dev/null | grep -o 'http[^ ]*') || url=''
    done
    case $url in
    '' | *//127.* | *//localhost*) ;;
    *) python3 scripts/private_relay_link.py --site "$url/app/webchat/chat.html" --relay "$url" --terminal 2>/dev/null ;;
    esac
}

if [[ ! -e Makefile ]]; then # a package: the programs are there, the sources are not
    ((skip_deps)) || scripts/install_deps.sh --runtime
else
    ((skip_deps)) || scripts/install_deps.sh
    if ! make -q all 2>/dev/null; then
        echo "Building the relay ..." >&2
        make -s -j"$(nproc)" all >&2
    fi
    build_page
fi
if ((demo)); then exec python3 scripts/demo.py; fi
mkdir -p "$dir"
if [[ ! -e $dir/.env.local ]]; then
    (umask 077 && cp relay/.env.example "$dir/.env.local")
fi
if [[ -t 1 && ${#words[@]} -eq 0 ]] && command -v python3 >/dev/null; then show_code & fi
exec build/relayd --dir "$dir" ${words[@]+"${words[@]}"}
