#!/usr/bin/env bash
# Starts a MariaDB server for development from local packages, where there is no Docker. --help says more.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/dev-up.sh up [--fast] [DIR]     start, and print where it is
       scripts/dev-up.sh down [DIR]            stop, and leave the data
       scripts/dev-up.sh env [DIR]             print where it is

Starts MariaDB on loopback, on a free port, with its data in DIR (default: target/dev) and an empty database `carbon`. Installs Debian's
package if it is missing and the caller is root. What is printed are the settings by which a gateway finds the database, and the
variable by which the tests find the server, for a shell to read: eval "$(scripts/dev-up.sh env)"

  --fast   for tests: commits do not wait for the disk, and all tables lie in one file

Exit code: 0 done, 1 it did not start, 2 wrong use or a package is missing.
TEXT
}

fail() { echo "scripts/dev-up.sh: $2" >&2; exit "$1"; }

action=${1:-}
case "$action" in
  up | down | env) shift ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
fast=""
if [ "${1:-}" = --fast ]; then
  fast=1
  shift
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${1:-$root/target/dev}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

server=$(command -v mariadbd || echo /usr/sbin/mariadbd)
as=()
[ "$(id -u)" != 0 ] || as=(--user=root)

install_missing() {
  [ ! -x "$server" ] || return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail 2 "MariaDB is missing; on Debian: apt-get install mariadb-server"
  echo "installing mariadb-server" >&2
  # The package must not start a server of its own.
  policy=/usr/sbin/policy-rc.d
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made_policy=1; }
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends mariadb-server; } >"$dir/install.log" 2>&1 \
    || fail 2 "mariadb-server could not be installed; see $dir/install.log"
  [ -z "${made_policy:-}" ] || rm -f $policy
}

# A process that has ended but whom nobody has asked about is not alive.
alive() { [ -s "$dir/mariadb.pid" ] && grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$dir/mariadb.pid")/status" 2>/dev/null; }

free_port() {
  # Bash opens a socket to see who listens: whoever does not is free.
  for port in $(shuf -i 20000-29999 -n 50); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  fail 1 "no port is free"
}

answers() { mariadb --no-defaults -h 127.0.0.1 -P "$(cat "$dir/mariadb.port")" -u root -e 'SELECT 1' >/dev/null 2>&1; }

make_mariadb() {
  [ ! -d "$dir/mariadb/mysql" ] || return 0
  mariadb-install-db --no-defaults --datadir="$dir/mariadb" "${as[@]}" --auth-root-authentication-method=normal \
    --skip-test-db >"$dir/mariadb-install.log" 2>&1 || fail 1 "the database was not made; see $dir/mariadb-install.log"
}

launch_mariadb() {
  local durable=(--innodb-flush-log-at-trx-commit=1 --log-bin=binlog --sync-binlog=1)
  # Thirty shards have hundreds of tables, and each test its own.
  [ -z "$fast" ] || durable=(--innodb-flush-log-at-trx-commit=0 --innodb-file-per-table=0 --innodb-doublewrite=0 --skip-log-bin)
  # The socket's path may have 107 bytes only.
  setsid "$server" --no-defaults --datadir="$dir/mariadb" "${as[@]}" --socket="/tmp/carbon-mariadb-$$.sock" \
    --pid-file="$dir/mariadb.pid" --port="$(cat "$dir/mariadb.port")" --bind-address=127.0.0.1 --skip-name-resolve --character-set-server=utf8mb4 \
    --innodb-buffer-pool-size=256M --max-connections=1000 --max-prepared-stmt-count=200000 --table-open-cache=8000 --open-files-limit=16000 \
    "${durable[@]}" >>"$dir/mariadb.log" 2>&1 </dev/null &
}

start_mariadb() {
  local launched=""
  # Started again, it is where it was.
  [ -s "$dir/mariadb.port" ] || free_port >"$dir/mariadb.port"
  make_mariadb
  for _ in $(seq 600); do
    if answers; then
      mariadb --no-defaults -h 127.0.0.1 -P "$(cat "$dir/mariadb.port")" -u root -e 'CREATE DATABASE IF NOT EXISTS carbon'
      return
    fi
    # One that was killed takes a while to go, and holds the data until then.
    if [ -z "$launched" ] && ! alive; then
      launch_mariadb
      launched=1
    fi
    sleep 0.1
  done
  fail 1 "MariaDB did not start; see $dir/mariadb.log"
}

print_env() {
  alive || fail 1 "nothing runs in $dir"
  local url
  url=mysql://root@127.0.0.1:$(cat "$dir/mariadb.port")
  echo "export CARBON_GATEWAY__DATABASE__KIND=mysql"
  echo "export CARBON_GATEWAY__DATABASE__URL=$url/carbon"
  echo "export CARBON_TEST_MYSQL=$url"
}

case "$action" in
  up)
    install_missing
    start_mariadb
    print_env
    ;;
  env) print_env ;;
  down)
    if alive; then
      pid=$(cat "$dir/mariadb.pid")
      kill "$pid"
      for _ in $(seq 300); do
        alive || exit 0
        sleep 0.1
      done
      fail 1 "MariaDB ($pid) does not end"
    fi
    ;;
esac
