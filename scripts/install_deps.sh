#!/usr/bin/env bash
# Installs the Debian packages that the relay is built and run with; with --test, --tidy or --bench those of that
# task as well; with --postgres those of a relay on PostgreSQL; with --web those that the WebChat page is built with; with --runtime what built programs need, and no compiler. Does nothing when all are there. As an ordinary user it prints the line for root to run and exits 1.
set -euo pipefail

usage() {
    cat <<'TXT'
Usage: scripts/install_deps.sh [--runtime] [--web] [--postgres] [--test] [--tidy] [--coverage] [--bench] [--list]
Installs missing Debian packages: what the relay needs, and what the named tasks need.
  --runtime   only what built programs need to run
  --web       Node.js and npm, which build the WebChat page
  --postgres  the client library of PostgreSQL, for make PG=1
  --list      print the packages instead of installing them
TXT
}

base=(gcc libc6-dev make pkg-config ca-certificates nginx libfcgi-dev libsqlite3-dev libjson-c-dev
      libcurl4-openssl-dev libssl-dev uuid-dev libsodium-dev libidn2-dev libunistring-dev libevent-dev libseccomp-dev)
# A Node.js that is there already, whatever brought it, is good enough: Debian's npm brings four hundred packages.
node=()
command -v node >/dev/null || node+=(nodejs)
command -v npm >/dev/null || node+=(npm)
packages=()
list=0 pg=0 runtime=0
for word in "$@"; do
    case $word in
    --runtime) runtime=1 base=(ca-certificates nginx libfcgi0ldbl libsqlite3-0 libjson-c5 libcurl4 libssl3 libuuid1 libsodium23 libidn2-0 libunistring2
                          libevent-core-2.1-7 libseccomp2) ;;
    --postgres) pg=1 ;;
    --web) packages+=("${node[@]}") ;;
    --test) packages+=(python3 python3-pytest python3-pytest-xdist python3-aiosmtpd python3-yaml
                       python3-jsonschema python3-hyperframe python3-hpack python3-zbar qrencode libcmocka-dev curl openssl git systemd faketime gcc-11 clang
                       gcc-aarch64-linux-gnu libc6-dev-arm64-cross dpkg-dev postgresql-15 libpq-dev python3-psycopg2 coturn qemu-user-static mmdebstrap rsync help2man
                       apertium-apy apertium-spa-cat apertium-lex-tools cg3 pocketsphinx pocketsphinx-en-us flite ffmpeg
                       "${node[@]}" chromium chromium-headless-shell fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji) ;;
    --tidy) packages+=(clang libclang-rt-14-dev clang-tidy clang-format cppcheck shellcheck lintian help2man libpq-dev) ;;
    --coverage) packages+=(gcovr) ;;
    --bench) packages+=(python3 python3-flask gunicorn sqlite3 prosody lua-dbi-sqlite3 python3-matplotlib valgrind) ;;
    --list) list=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "install_deps.sh: '$word' is not understood; see --help" >&2; exit 2 ;;
    esac
done
if ((pg && runtime)); then packages+=(libpq5); fi
if ((pg && !runtime)); then packages+=(libpq-dev); fi
packages=("${base[@]}" ${packages[@]+"${packages[@]}"})

if ((list)); then
    printf '%s\n' "${packages[@]}"
    exit 0
fi
if ! command -v dpkg-query >/dev/null; then
    {
        echo "install_deps.sh: this is not a Debian system. Install what these packages hold, then start with --skip-deps:"
        echo "  Debian:  ${packages[*]}"
        echo "  Fedora:  dnf install gcc make pkgconf nginx fcgi-devel sqlite-devel json-c-devel libcurl-devel openssl-devel" \
            "libuuid-devel libsodium-devel libidn2-devel libunistring-devel libevent-devel libseccomp-devel"
        echo "  Alpine:  apk add bash build-base linux-headers pkgconf nginx fcgi-dev sqlite-dev json-c-dev curl-dev openssl-dev" \
            "util-linux-dev libsodium-dev libidn2-dev libunistring-dev libevent-dev libseccomp-dev"
    } >&2
    exit 1
fi

missing=()
installed=$'\n'$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)$'\n'
for package in "${packages[@]}"; do
    [[ $installed == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
    {
        echo "The relay needs packages that are not installed. Run this as root, then start again:"
        echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    } >&2
    exit 1
fi

# Installing nginx would start a web server on port 80 that nobody asked for: the relay runs an nginx of its own. The same of
# PostgreSQL, against which the statements of the store are tried, of coturn, which lets everybody in until it is set up, of
# apertium-apy, which listens on all addresses, and of Prosody, beside which the relay is measured.
policy=/usr/sbin/policy-rc.d
made_policy=0
services=()
for package in nginx postgresql-15 coturn prosody apertium-apy; do
    [[ " ${missing[*]} " != *" $package "* ]] || services+=("$package")
done
if ((${#services[@]})) && [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing: ${missing[*]}" >&2
# Another apt at work (a machine that was just booted updates itself) is waited for; -update does not wait by itself.
apt=(apt-get -qq -o "DPkg::Lock::Timeout=${APT_TIMEOUT_SEC:-900}")
said=$(mktemp)
trap 'rm -f "$said"; ((!made_policy)) || rm -f "$policy"' EXIT
deadline=$((SECONDS + ${APT_TIMEOUT_SEC:-900}))
until "${apt[@]}" update </dev/null >"$said" 2>&1; do
    if ! grep -q 'Could not get lock' "$said" || ((SECONDS >= deadline)); then
        cat "$said" >&2
        exit 1
    fi
    [[ -n ${waiting:-} ]] || echo "Waiting for another apt to end ..." >&2
    waiting=1
    sleep 2
done
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2
if ((made_policy)) && [[ -d /run/systemd/system ]]; then
    for service in nginx coturn apertium-apy; do
        [[ " ${services[*]} " != *" $service "* ]] || systemctl disable "$service" >/dev/null 2>&1 || true
    done
fi
