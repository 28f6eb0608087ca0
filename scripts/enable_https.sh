#!/usr/bin/env bash
# Puts HTTPS in front of a relay: writes a server block for the system's nginx, tests it, and reloads nginx only when the
# test passes. Otherwise everything is as it was before.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/enable_https.sh --domain D (--cert FILE --key FILE | --self-signed) [options]
       scripts/enable_https.sh --domain D --remove
Puts HTTPS for the name D in front of a relay on this machine, through the system's nginx.

  --cert FILE --key FILE   PEM certificate chain and private key
  --self-signed            make a certificate for trials; browsers warn about it
  --hsts                   tell browsers to use HTTPS only, for a year
  --relay URL              where the relay listens (default: http://127.0.0.1:5110)
  --webroot DIR            folder for ACME challenges on port 80 (default: /var/www/acme)
  --nginx-dir DIR          configuration of nginx (default: /etc/nginx)
  --http-port N, --https-port N   other ports than 80 and 443
  --dry-run                print the server block and change nothing
  --remove                 take the server block away again
TXT
}

fail() {
    echo "enable_https.sh: $1" >&2
    exit "${2:-1}"
}

domain='' cert='' key='' self_signed=0 hsts=0 dry_run=0 remove=0
relay=http://127.0.0.1:5110 webroot=/var/www/acme nginx_dir=/etc/nginx http_port=80 https_port=443
(($#)) || { usage >&2; exit 2; }
while (($#)); do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --self-signed) self_signed=1 ;;
    --hsts) hsts=1 ;;
    --dry-run) dry_run=1 ;;
    --remove) remove=1 ;;
    --domain | --cert | --key | --relay | --webroot | --nginx-dir | --http-port | --https-port)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value; see --help" 2
        name=${1#--}
        printf -v "${name//-/_}" '%s' "$2"
        shift
        ;;
    *) fail "'$1' is not understood; see --help" 2 ;;
    esac
    shift
done

label='[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
[[ $domain =~ ^$label(\.$label)*$ ]] || fail "--domain '$domain' is not a host name" 2
[[ $relay =~ ^http://[A-Za-z0-9.:_-]+$|^http://\[[0-9a-f:]+\](:[0-9]+)?$ ]] || fail "--relay '$relay' is not http://HOST:PORT" 2
for port in "$http_port" "$https_port"; do
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then fail "'$port' is not a port" 2; fi
done
if ((!remove)); then
    [[ $self_signed = 1 && -z $cert$key || $self_signed = 0 && -n $cert && -n $key ]] ||
        fail "either --cert and --key, or --self-signed; see --help" 2
    for file in ${cert:+"$cert"} ${key:+"$key"}; do
        [[ -f $file && -r $file ]] || fail "$file cannot be read"
    done
fi
[[ -d $nginx_dir ]] || fail "$nginx_dir is not a folder; --nginx-dir names nginx's"
nginx_dir=$(cd "$nginx_dir" && pwd)
if [[ -d $nginx_dir/conf.d ]]; then
    target=$nginx_dir/conf.d/webchat-relay-$domain.conf
elif [[ -d $nginx_dir/sites-enabled ]]; then
    target=$nginx_dir/sites-enabled/webchat-relay-$domain.conf
else
    fail "$nginx_dir has neither conf.d nor sites-enabled"
fi
own=$nginx_dir/webchat-relay-$domain # a folder with the certificate of --self-signed
if ((self_signed)); then
    cert=$own/cert.pem key=$own/key.pem
elif ((!remove)); then
    cert=$(realpath -s -- "$cert") key=$(realpath -s -- "$key") # a renewal puts the link on another file
fi
# certbot runs what lies here after a renewal; nginx reads certificates only when it is told to.
hook=''
if [[ $cert == */live/*/* && -d ${cert%/live/*}/renewal ]]; then
    hook=${cert%/live/*}/renewal-hooks/deploy/webchat-relay-$domain
fi
for path in "$cert" "$key" "$webroot" "$nginx_dir"; do
    [[ $path != *[\"\'\\\$\;{}]* && $path != *$'\n'* ]] || fail "'$path': nginx cannot take quotes, braces, ; \\ or \$ in a path"
done
[[ $webroot = /* ]] || fail "--webroot '$webroot' is not an absolute path" 2

# Files of /proc have no size: only reading tells whether this machine has IPv6.
ipv6=0
! grep -q . /proc/net/if_inet6 2>/dev/null || ipv6=1

listen() { # port and flags: a line for IPv4, and one for IPv6 where this machine has it
    printf '    listen %s;\n' "$1"
    ((!ipv6)) || printf '    listen [::]:%s;\n' "$1"
}

server_block() {
    local shown=''
    [[ $https_port = 443 ]] || shown=:$https_port
    cat <<TXT
# HTTPS for the WebChat relay at $relay. Written by scripts/enable_https.sh; --remove takes it away.
server {
$(listen "$http_port")
    server_name $domain;
    location ^~ /.well-known/acme-challenge/ {
        root "$webroot";
        default_type text/plain;
        try_files \$uri =404;
    }
    location / {
        return 308 https://$domain$shown\$request_uri;
    }
}
server {
$(listen "$https_port ssl http2")
    server_name $domain;
    ssl_certificate "$cert";
    ssl_certificate_key "$key";
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:webchat_relay:2m;
    ssl_session_tickets off;
$( ((!hsts)) || echo '    add_header Strict-Transport-Security "max-age=31536000" always;')
    access_log off;

    # The relay has its own limits; a body is handed on as it comes, so that an upload is written to disk only once.
    client_max_body_size 0;
    client_header_timeout 15s;
    client_body_timeout 60s;
    location / {
        proxy_pass $relay;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_connect_timeout 10s;
        proxy_send_timeout 75s;
        proxy_read_timeout 75s;
        proxy_set_header Host \$host;
        proxy_set_header Connection "";
        # Replaced, never added to: a client cannot name itself.
        proxy_set_header X-Forwarded-For \$remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header Forwarded "";
        proxy_set_header X-Real-IP "";
    }
}
TXT
}

if ((dry_run && !remove)); then
    server_block
    exit 0
fi

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian has nginx; an ordinary user's PATH does not look there
command -v nginx >/dev/null || fail "nginx is not installed"
nginx_run() { nginx -c "$nginx_dir/nginx.conf" "$@"; }

if ((remove)) && [[ ! -e $target ]]; then
    echo "There is no HTTPS for $domain to remove."
    exit 0
fi
if ((dry_run)); then
    echo "Would remove $target"
    exit 0
fi
[[ -w $(dirname "$target") ]] || fail "$(dirname "$target") cannot be written to"

write_hook() {
    mkdir -p "${hook%/*}"
    printf '#!/bin/sh\n# Written by scripts/enable_https.sh; --remove takes it away.\nexec %q -c %q -s reload\n' \
        "$(command -v nginx)" "$nginx_dir/nginx.conf" >"$hook"
    chmod 755 "$hook"
}

# From here on a failure puts the old file back.
saved=$(mktemp -d)
[[ ! -e $target ]] || cp -a "$target" "$saved/old"
made_own=0
undo() {
    if [[ -e $saved/old ]]; then cp -a "$saved/old" "$target"; else rm -f "$target"; fi
    ((!made_own)) || rm -rf "$own"
}
finish() {
    local status=$?
    ((status == 0)) || undo
    rm -rf "$saved"
}
trap finish EXIT

old_hook=''
if ((remove)); then
    old_hook=$(sed -n 's|^    ssl_certificate "\(.*\)/live/[^/]*/[^/]*";$|\1|p' "$target")
    old_hook=${old_hook:+$old_hook/renewal-hooks/deploy/webchat-relay-$domain}
    rm -f "$target"
else
    if ((self_signed)) && [[ ! -e $cert || ! -e $key ]]; then
        [[ -w $nginx_dir ]] || fail "$nginx_dir cannot be written to"
        made_own=1
        (umask 077 && mkdir -p "$own")
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 -subj "/CN=${domain:0:64}" \
            -addext "subjectAltName=DNS:$domain" -keyout "$key" -out "$cert" 2>"$saved/said" ||
            fail "openssl made no certificate: $(tail -1 "$saved/said")"
    fi
    server_block >"$saved/new"
    cp "$saved/new" "$target"
fi
nginx_run -t -q 2>"$saved/said" || fail "nginx does not take it, nothing was changed: $(head -1 "$saved/said")"
if ((remove)); then
    rm -rf "$own"
    if [[ -n $old_hook ]]; then rm -f "$old_hook"; fi
elif [[ -n $hook ]]; then
    write_hook
    echo "certbot reloads nginx after each renewal: $hook"
fi
if nginx_run -s reload 2>/dev/null; then state='nginx was reloaded'; else state='nginx is not running; start it'; fi
if ((remove)); then
    echo "HTTPS for $domain was removed; $state."
else
    echo "https://$domain goes to $relay; $state."
    echo "Set in the relay's .env.local, then reload it: HOST=127.0.0.1 and RELAY_TRUSTED_PROXIES=127.0.0.1"
fi
