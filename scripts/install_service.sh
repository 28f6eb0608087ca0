#!/usr/bin/env bash
# Installs the built relay as a systemd service that runs as one unprivileged user; takes it away again with --uninstall.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/install_service.sh [options]
Installs the relay as the systemd service webchat-relay, with its housekeeping timer, and starts it.

  --user U       user of the service, made when missing (default: webchat-relay)
  --prefix DIR   where the programs go (default: /opt/webchat-relay)
  --dir DIR      where settings, database and uploads go (default: /var/lib/webchat-relay)
  --from DIR     move settings, accounts, messages and files of a relay that was tried out in DIR (its relay/ folder)
                 to where the service keeps them; that relay has to be stopped, and DIR stays as it is
  --build DIR    where the built programs are (default: build/ of this checkout)
  --root DIR     install below DIR; makes no user and starts nothing (for packages)
  --uninstall    stop the service, remove units and programs; settings, data and user stay
  --dry-run      say what would be done and do nothing
TXT
}

fail() {
    echo "install_service.sh: $1" >&2
    exit "${2:-1}"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
user=webchat-relay prefix=/opt/webchat-relay dir=/var/lib/webchat-relay build=$top/build root='' from='' uninstall=0 dry_run=0
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --uninstall) uninstall=1 ;;
    --dry-run) dry_run=1 ;;
    --user | --prefix | --dir | --build | --root | --from)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value; see --help" 2
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done

units=(webchat-relay.service webchat-relay-sweep.service webchat-relay-sweep.timer)
programs=(relayd relay-mail relay-live relay-sweep relayctl)
[[ $user =~ ^[a-z_][a-z0-9_-]{0,31}$ && $user != root ]] || fail "--user '$user' is not the name of an unprivileged user" 2
for path in "$prefix" "$dir"; do
    [[ $path =~ ^/[A-Za-z0-9._/+@-]+$ && $path != */ ]] || fail "'$path': systemd wants an absolute path of plain characters" 2
done
case $dir/ in
/home/* | /root/* | /run/user/* | /tmp/* | /var/tmp/*) fail "'$dir': the service sees no homes and no temporary folders" 2 ;;
esac
[[ $prefix != "$dir" ]] || fail "--prefix and --dir are the same folder" 2

if ((!uninstall)); then
    for program in "${programs[@]}"; do
        [[ -x $build/$program ]] || fail "$build/$program is not built; run make first"
    done
fi
if ((!dry_run)) && [[ -z $root ]]; then
    ((EUID == 0)) || fail "only root installs a service; --dry-run shows what it would do"
    [[ -d /run/systemd/system ]] || fail "this machine does not run systemd; scripts/install_cron.sh needs none"
fi
if [[ -n $from ]]; then
    ((!uninstall)) || fail "--from and --uninstall do not go together" 2
    [[ -f $from/.env.local ]] || fail "$from holds no .env.local: it is not the folder of a relay"
    from=$(cd "$from" && pwd)
    [[ $from != "$root$dir" ]] || fail "--from and --dir are the same folder" 2
    ! "$build/relayd" --dir "$from" --status >/dev/null || fail "the relay of $from runs; stop it first: start_relay.sh --stop"
    [[ ! -e $root$dir/data/bridge.db ]] || fail "$root$dir has a database already; nothing was moved"
fi
unit_dir=$root/etc/systemd/system
if [[ -n $root ]]; then
    [[ -d $root && -w $root ]] || fail "$root is not a folder that can be written to"
fi

run() {
    if ((dry_run)); then printf 'would run: %s\n' "$*"; else "$@"; fi
}

write_unit() {
    if ((dry_run)); then
        echo "would write: $unit_dir/$1"
        return
    fi
    sed -e "s|/opt/webchat-relay|$prefix|g" -e "s|/var/lib/webchat-relay|$dir|g" \
        -e "s|^User=webchat-relay$|User=$user|" "$top/systemd/$1" >"$unit_dir/$1.new"
    mv "$unit_dir/$1.new" "$unit_dir/$1"
}

logrotate=$root/etc/logrotate.d/webchat-relay

if ((uninstall)); then
    [[ -n $root ]] || run systemctl disable --quiet --now webchat-relay-sweep.timer webchat-relay.service || true
    for unit in "${units[@]}"; do run rm -f "$unit_dir/$unit"; done
    run rm -f "$logrotate"
    for program in "${programs[@]}"; do run rm -f "$root$prefix/bin/$program"; done
    run rm -rf "$root$prefix/nginx" "$root$prefix/web"
    ((dry_run)) || rmdir --ignore-fail-on-non-empty "$root$prefix/bin" "$root$prefix" 2>/dev/null || true
    [[ -n $root ]] || run systemctl daemon-reload
    ((dry_run)) || echo "The service was removed; settings and data stay in $root$dir."
    exit 0
fi

if [[ -z $root ]] && ! id -u "$user" >/dev/null 2>&1; then
    PATH=$PATH:/usr/sbin # not in root's after "su" without a dash
    run useradd --system --user-group --home-dir "$dir" --no-create-home --shell /usr/sbin/nologin "$user"
fi
run install -d "$root$prefix" "$root$prefix/bin" "$unit_dir"
for program in "${programs[@]}"; do
    run install -m 0755 "$build/$program" "$root$prefix/bin/$program.new"
    run mv "$root$prefix/bin/$program.new" "$root$prefix/bin/$program" # a running program is not written over
done
run rm -rf "$root$prefix/nginx"
run cp -r "$top/nginx" "$root$prefix/nginx"
run rm -rf "$root$prefix/web"
if [[ -e $top/web/dist/chat.html ]]; then
    run install -d "$root$prefix/web"
    run cp -r "$top/web/dist" "$root$prefix/web/dist"
fi
run install -d -m 0750 "$root$dir"
# What was tried out: settings, database and files, wherever its settings keep them. The settings come last: a move that
# was cut short can be made again.
move_in() {
    local database uploads file
    database=$("$build/relayctl" --dir "$from" settings --get BRIDGE_DB_PATH)
    uploads=$("$build/relayctl" --dir "$from" settings --get PCHAT_UPLOAD_DIR)
    run install -d -m 0700 "$root$dir/data"
    [[ ! -d $uploads ]] || run cp -a -T "$uploads" "$root$dir/pchat_uploads"
    for file in "$database"?*; do
        [[ ! -f $file ]] || run cp -a "$file" "$root$dir/data/bridge.db${file#"$database"}"
    done
    run cp -a "$(dirname "$database")/server.key" "$root$dir/data/server.key"
    [[ ! -f $(dirname "$database")/vapid.key ]] || run cp -a "$(dirname "$database")/vapid.key" "$root$dir/data/vapid.key"
    run cp -a "$database" "$root$dir/data/bridge.db.new"
    run mv "$root$dir/data/bridge.db.new" "$root$dir/data/bridge.db"
    run install -m 0600 "$from/.env.local" "$root$dir/.env.local"
    run sed -i -E '/^[[:space:]]*(export )?(BRIDGE_DB_PATH|PCHAT_UPLOAD_DIR)[[:space:]]*=/d' "$root$dir/.env.local"
}
if [[ -n $from ]]; then move_in; fi
if [[ ! -e $root$dir/.env.local ]]; then
    run install -m 0600 "$top/relay/.env.example" "$root$dir/.env.local"
fi
for unit in "${units[@]}"; do write_unit "$unit"; done
if [[ -d $root/etc/logrotate.d || -n $root ]]; then
    run install -d "$root/etc/logrotate.d"
    if ((dry_run)); then
        echo "would write: $logrotate"
    else
        sed -e "s|/var/lib/webchat-relay|$dir|g" -e "s|webchat-relay webchat-relay|$user $user|" "$top/systemd/webchat-relay.logrotate" \
            >"$logrotate"
        chmod 644 "$logrotate"
    fi
fi
if [[ -z $root ]]; then
    run chown "$user:" "$dir" "$dir/.env.local"
    [[ -z $from ]] || run chown -R "$user:" "$dir/data" "$dir/pchat_uploads"
    run systemctl daemon-reload
    run systemctl enable --quiet webchat-relay.service webchat-relay-sweep.timer
    run systemctl restart webchat-relay.service webchat-relay-sweep.timer
fi
((dry_run)) || echo "The service webchat-relay is installed; settings: $root$dir/.env.local"
