#!/usr/bin/env bash
# Starts MariaDB, Redis and RabbitMQ for development from local packages, where there is no Docker. --help says more.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/dev-up.sh up [OPTION...] [DIR [PART...]] start, and print where it is
       scripts/dev-up.sh down [DIR [PART...]]          stop, and leave the data
       scripts/dev-up.sh env [DIR]                     print where it is

PART is mariadb, redis or rabbitmq; without one it is all of them. They listen on loopback, on free ports, with their data in DIR
(default: target/dev): MariaDB with an empty database `carbon`, Redis without a disk, RabbitMQ with the user guest. Installs Debian's
packages if they are missing and the caller is root. What is printed are the settings by which a gateway finds them, and the variables
by which the tests do, for a shell to read: eval "$(scripts/dev-up.sh env)"

  --fast         for tests: the database's commits do not wait for the disk, and all tables lie in one file
  --large        for a ledger of tens of gigabytes: the database has 6 GiB of memory and a log of 2 GiB instead of 256 and 96 MiB
  --preload LIB  for tests: the database loads LIB before any other library

Exit code: 0 done, 1 something did not start, 2 wrong use or a package is missing.
TEXT
}

fail() { echo "scripts/dev-up.sh: $2" >&2; exit "$1"; }

action=${1:-}
case "$action" in
  up | down | env) shift ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
fast="" large="" preload=""
while true; do
  case "${1:-}" in
    --fast) fast=1; shift ;;
    --large) large=1; shift ;;
    --preload) preload=${2:?}; shift 2 ;;
    *) break ;;
  esac
done
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${1:-$root/target/dev}
[ $# = 0 ] || shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
parts=("$@")
[ $# -gt 0 ] || parts=(mariadb redis rabbitmq)
for part in "${parts[@]}"; do
  case "$part" in mariadb | redis | rabbitmq) ;; *) usage >&2; exit 2 ;; esac
done

# --- every part ---

# A process that has ended but whom nobody has asked about does not run.
runs() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

alive() { [ -s "$dir/$1.pid" ] && runs "$(cat "$dir/$1.pid")"; }

# Bash opens a socket to see who listens.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  for port in $(shuf -i 20000-29999 -n 50); do
    if ! listens "$port"; then
      echo "$port"
      return
    fi
  done
  fail 1 "no port is free"
}

# The port of a part; started again, it is where it was.
port() {
  [ -s "$dir/$1.port" ] || free_port >"$dir/$1.port"
  cat "$dir/$1.port"
}

install_missing() {
  local packages=() part
  for part in "${parts[@]}"; do
    [ -x "$("program_of_$part")" ] || packages+=("$part-server")
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail 2 "missing; on Debian: apt-get install ${packages[*]}"
  echo "installing ${packages[*]}" >&2
  # Packages must not start servers of their own.
  local policy=/usr/sbin/policy-rc.d made_policy=""
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made_policy=1; }
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; } \
    >"$dir/install.log" 2>&1 || fail 2 "${packages[*]} could not be installed; see $dir/install.log"
  [ -z "$made_policy" ] || rm -f $policy
}

declare -A launched

launch() {
  # Chosen here: what is launched, and who asks whether it answers, must not choose twice.
  port "$1" >/dev/null
  "prepare_$1"
  alive "$1" || { "launch_$1"; launched[$1]=1; }
}

await() {
  for _ in $(seq 600); do
    if "answers_$1"; then
      "greet_$1"
      return
    fi
    # One that was killed takes a while to go, and holds the data until then.
    [ -n "${launched[$1]:-}" ] || launch "$1"
    sleep 0.1
  done
  tail -n 5 "$dir/$1.log" >&2 || true
  fail 1 "$1 did not start; see $dir/$1.log"
}

stop() {
  alive "$1" || return 0
  local pid
  pid=$(cat "$dir/$1.pid")
  kill "$pid"
  for _ in $(seq 300); do
    runs "$pid" || return 0
    sleep 0.1
  done
  fail 1 "$1 ($pid) does not end"
}

# --- MariaDB ---

program_of_mariadb() { command -v mariadbd || echo /usr/sbin/mariadbd; }

mariadb_client() { mariadb --no-defaults -h 127.0.0.1 -P "$(port mariadb)" -u root "$@"; }

answers_mariadb() { mariadb_client -e 'SELECT 1' >/dev/null 2>&1; }

as_root() { [ "$(id -u)" != 0 ] || echo "--user=root"; }

prepare_mariadb() {
  mkdir -p "$dir/mariadb-tmp"
  [ ! -d "$dir/mariadb/mysql" ] || return 0
  mariadb-install-db --no-defaults --datadir="$dir/mariadb" --tmpdir="$dir/mariadb-tmp" $(as_root) --auth-root-authentication-method=normal \
    --skip-test-db >"$dir/mariadb-install.log" 2>&1 && return
  tail -n 20 "$dir/mariadb-install.log" >&2
  fail 1 "the database was not made; see $dir/mariadb-install.log"
}

launch_mariadb() {
  local durable=(--innodb-flush-log-at-trx-commit=1 --log-bin=binlog --sync-binlog=1)
  # Thirty shards have hundreds of tables, and each test its own.
  [ -z "$fast" ] || durable=(--innodb-flush-log-at-trx-commit=0 --innodb-file-per-table=0 --innodb-doublewrite=0 --skip-log-bin)
  local memory=(--innodb-buffer-pool-size=256M)
  [ -z "$large" ] || memory=(--innodb-buffer-pool-size=6G --innodb-log-file-size=2G)
  # The binary log has the rows of a statement; its text, too, would be for whoever reads it by eye. MySQL does without unless it is told to.
  local lean=(--binlog-annotate-row-events=OFF)
  # A zone that is not UTC, so that a question which forgets that servers have one is found out.
  # A server that starts sweeps the folder of temporary tables, so no two may have the same.
  # The socket's path may have 107 bytes only.
  setsid env TZ=CST-8 ${preload:+LD_PRELOAD="$preload"} "$(program_of_mariadb)" --no-defaults --datadir="$dir/mariadb" --tmpdir="$dir/mariadb-tmp" $(as_root) --socket="/tmp/carbon-mariadb-$$.sock" \
    --pid-file="$dir/mariadb.pid" --port="$(port mariadb)" --bind-address=127.0.0.1 --skip-name-resolve --character-set-server=utf8mb4 \
    "${memory[@]}" --max-connections=1000 --max-prepared-stmt-count=200000 --table-open-cache=8000 --open-files-limit=16000 \
    "${durable[@]}" "${lean[@]}" >>"$dir/mariadb.log" 2>&1 </dev/null &
}

greet_mariadb() { mariadb_client -e 'CREATE DATABASE IF NOT EXISTS carbon'; }

env_mariadb() {
  local url
  url=mysql://root@127.0.0.1:$(port mariadb)
  echo "export CARBON_GATEWAY__DATABASE__KIND=mysql"
  echo "export CARBON_GATEWAY__DATABASE__URL=$url/carbon"
  echo "export CARBON_TEST_MYSQL=$url"
}

# --- Redis ---

program_of_redis() { command -v redis-server || echo /usr/bin/redis-server; }

answers_redis() { [ "$(redis-cli -h 127.0.0.1 -p "$(port redis)" ping 2>/dev/null)" = PONG ]; }

prepare_redis() { :; }

launch_redis() {
  # It keeps nothing that would be missed.
  setsid "$(program_of_redis)" --port "$(port redis)" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" --pidfile "$dir/redis.pid" \
    --daemonize yes --logfile "$dir/redis.log" >/dev/null </dev/null
}

greet_redis() { :; }

env_redis() {
  local url
  url=redis://127.0.0.1:$(port redis)
  echo "export CARBON_GATEWAY__REDIS__URL=$url"
  echo "export CARBON_TEST_REDIS=$url"
}

# --- RabbitMQ ---

# Debian's wrapper would change the user; this is what it wraps.
program_of_rabbitmq() { echo /usr/lib/rabbitmq/bin/rabbitmq-server; }

answers_rabbitmq() { listens "$(port rabbitmq)"; }

prepare_rabbitmq() {
  mkdir -p "$dir/rabbitmq"
  : >"$dir/rabbitmq/plugins"
  cat >"$dir/rabbitmq/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$(port rabbitmq)
log.console = false
log.file.level = warning
disk_free_limit.absolute = 50MB
CONF
}

launch_rabbitmq() {
  # A name server of its own, which ends with it: nothing of another broker on this machine is touched.
  HOME="$dir/rabbitmq" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$(port epmd)" RABBITMQ_DIST_PORT="$(port erlang)" \
    RABBITMQ_NODENAME="carbon-$(port rabbitmq)@localhost" RABBITMQ_CONFIG_FILE="$dir/rabbitmq/rabbitmq.conf" \
    RABBITMQ_MNESIA_BASE="$dir/rabbitmq/data" RABBITMQ_LOG_BASE="$dir/rabbitmq/log" RABBITMQ_PID_FILE="$dir/rabbitmq.pid" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/rabbitmq/plugins" RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none" \
    setsid "$(program_of_rabbitmq)" >>"$dir/rabbitmq.log" 2>&1 </dev/null &
}

greet_rabbitmq() { :; }

stopped_rabbitmq() { ! command -v epmd >/dev/null || ERL_EPMD_PORT="$(port epmd)" epmd -kill >/dev/null 2>&1 || true; }

env_rabbitmq() {
  local url
  url=amqp://guest:guest@127.0.0.1:$(port rabbitmq)/%2f
  echo "export CARBON_GATEWAY__RABBITMQ__URL=$url"
  echo "export CARBON_TEST_AMQP=$url"
}

# --- actions ---

print_env() {
  local part any=""
  for part in mariadb redis rabbitmq; do
    ! alive "$part" || { "env_$part"; any=1; }
  done
  [ -n "$any" ] || fail 1 "nothing runs in $dir"
}

case "$action" in
  up)
    install_missing
    # All at once: RabbitMQ takes seconds.
    for part in "${parts[@]}"; do launch "$part"; done
    for part in "${parts[@]}"; do await "$part"; done
    print_env
    ;;
  env) print_env ;;
  down)
    for part in "${parts[@]}"; do
      stop "$part"
      [ "$part" != rabbitmq ] || stopped_rabbitmq
    done
    ;;
esac
