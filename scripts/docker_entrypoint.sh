#!/usr/bin/env bash
# What a container runs: the relay; with `health`, whether it answers; with other words, the program that they name.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: docker_entrypoint.sh [health | PROGRAM ...]
Runs the relay of the package around this script, with its settings from the environment.

  health       exit 0 when the running relay answers /health, else 1
  PROGRAM ...  run that instead, such as: relayctl doctor --text
  --help       this text
TXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1-} in
'') exec "$top/build/relayd" --dir "$top/relay" ;;
health)
    said=$("$top/build/relayd" --dir "$top/relay" --status) || { echo "$said" >&2; exit 1; }
    url=${said#*: } # "The relay is running: URL (process N)"
    # The certificate is for the name that people use, not for the address in here.
    curl --fail --silent --show-error --insecure --max-time 4 --output /dev/null "${url%% *}/health" || exit 1
    ;;
--help | -h) usage ;;
-*) echo "docker_entrypoint.sh: '$1' is not understood; see --help" >&2; exit 2 ;;
*) exec "$@" ;;
esac
