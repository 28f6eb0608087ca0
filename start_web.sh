#!/usr/bin/env bash
# Serves the WebChat page alone, as static files: for relays that are somewhere else. Needs nginx, no relay.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

usage() {
    cat <<'TXT'
Usage: ./start_web.sh [--host ADDRESS]
Serves the WebChat page (web/dist/) and stays in the foreground until Ctrl-C.

  --host ADDRESS   address to listen on (default 0.0.0.0)
  --help           this text

Port: WEBCHAT_WEB_PORT (5180); when it is taken the next free one, unless WEBCHAT_STRICT_PORT=1.
WEBCHAT_GUI_RELAYS names the relays that the page may talk to: any (default), or origins separated by commas.
TXT
}

fail() {
    echo "start_web.sh: $1" >&2
    exit "${2:-1}"
}

host=0.0.0.0
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --host)
        [[ $# -ge 2 && $2 =~ ^[][0-9a-zA-Z.:]+$ ]] || fail "--host needs an address" 2
        host=$2
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done

port=${WEBCHAT_WEB_PORT:-5180}
[[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] || fail "WEBCHAT_WEB_PORT '$port' is no port: 1 to 65535 is allowed" 2
relays=${WEBCHAT_GUI_RELAYS:-any}
case $relays in
any) relays=' https: http://localhost:* http://127.0.0.1:*' ;;
self) relays='' ;;
*)
    relays=" ${relays//,/ }"
    [[ $relays =~ ^(\ +https?://[A-Za-z0-9.:-]+)+\ *$ ]] || fail "WEBCHAT_GUI_RELAYS: any, self, or origins such as https://chat.example.com are allowed" 2
    ;;
esac
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian has nginx; an ordinary user's PATH does not look there
command -v nginx >/dev/null || fail "nginx is not installed; as root: scripts/install_deps.sh --runtime"
if [[ -e Makefile ]]; then scripts/build_page.sh >&2 || true; fi
[[ -e web/dist/chat.html ]] || fail "the page is not built: run make web"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/tmp" "$work/page"
cp -p web/dist/* "$work/page/"

# The same snippets as the relay's own nginx.
expand() {
    local line
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line =~ ^@include\ (.*)@$ ]]; then expand <"nginx/${BASH_REMATCH[1]}"; else
            line=${line//@PAGE_DIR@/page}
            printf '%s\n' "${line//@PAGE_RELAYS@/$relays}"
        fi
    done
}
configure() { # port
    cat <<TXT
daemon off;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
    server_tokens off;
    sendfile on;
    access_log off;
    client_body_temp_path tmp; fastcgi_temp_path tmp; proxy_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
$(sed -n '/# The WebChat page/,$p' nginx/snippets/maps.conf.in | expand)
    server {
        listen $host:$1;
        server_name _;
$(expand <nginx/snippets/page.conf.in)
        location / { return 404; }
    }
}
TXT
}
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wanted=$port
while is_taken "$port"; do
    [[ ${WEBCHAT_STRICT_PORT:-0} != @(1|true) ]] || fail "port $port is taken"
    ((port < 65535 && port - wanted < 100)) || fail "no free port from $wanted on"
    port=$((port + 1))
done
configure "$port" >"$work/nginx.conf"
nginx -e stderr -t -q -p "$work/" -c nginx.conf || fail "nginx refuses the configuration"
shown=$host
[[ $host != 0.0.0.0 ]] || shown=127.0.0.1
echo "WebChat page: http://$shown:$port/app/webchat/chat.html"
nginx -e stderr -p "$work/" -c nginx.conf &
child=$!
trap 'kill -QUIT "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 0' INT TERM
wait "$child"
