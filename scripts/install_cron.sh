#!/usr/bin/env bash
# Puts the relay's housekeeping into the crontab of the user who runs this, or takes it out again. Other lines stay.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/install_cron.sh [--dir DIR] [--programs DIR] [--keep-running] [--remove]
Puts the relay's housekeeping into your crontab: relay-sweep every minute. Running it again changes nothing.

  --dir DIR        the relay's folder (default: relay/ of this checkout)
  --programs DIR   where relayd and relay-sweep are (default: build/ of this checkout)
  --keep-running   also start the relay every minute when it does not run, so also after a reboot
  --remove         take the lines of this folder out again
TXT
}

fail() {
    echo "install_cron.sh: $1" >&2
    exit "${2:-1}"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$top/relay programs=$top/build keep_running=0 remove=0
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --keep-running) keep_running=1 ;;
    --remove) remove=1 ;;
    --dir | --programs)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a folder; see --help" 2
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done

[[ $remove = 1 || -d $dir ]] || fail "$dir is not a folder"
dir=$(realpath -m -- "$dir") programs=$(realpath -m -- "$programs")
for path in "$dir" "$programs"; do # what cron and its shell read as something else
    [[ $path != *[\"\'\\\$\`%\|\&]* && $path != *$'\n'* ]] || fail "'$path': a crontab cannot take quotes, \$, %, &, | and the like"
done
if ((!remove)); then
    for program in relay-sweep relayd; do
        [[ -x $programs/$program ]] || fail "$programs/$program is not built; run make first"
    done
fi
command -v crontab >/dev/null || fail "there is no crontab on this machine (Debian: apt-get install cron)"

old=$(crontab -l 2>/dev/null || true)
# The line that names the folder, and the command lines behind it.
others=$(awk -v mark="# WebChat relay at $dir: " '
    index($0, mark) == 1 { ours = 1; next }
    ours && index($0, "* * * * * \"") == 1 { next }
    { ours = 0; print }' <<<"$old")
ours=''
if ((!remove)); then
    ours=$(sed -e "s|@DIR@|$dir|g" -e "s|@PROGRAMS@|$programs|g" "$top/cron/relay.cron")
    ((!keep_running)) || ours+=$'\n'"* * * * * \"$programs/relayd\" --dir \"$dir\" --detach >/dev/null"
fi
new=$others${others:+${ours:+$'\n'}}$ours
if [[ $new = "$old" ]]; then
    echo "The crontab has it that way already."
    exit 0
fi
crontab - <<<"$new" || fail "crontab did not take it"
if ((remove)); then echo "The relay's lines were taken out of the crontab."; else echo "The relay's lines are in the crontab."; fi
