#!/usr/bin/env bash
# Runs every test: units, the integration suite, the examples in the documentation. --help says more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--embedded | --mysql URL] [FILTER]

Runs all tests, or those whose name contains FILTER: units, integration suite and documentation on the embedded defaults, then the
integration suite once more with MariaDB, Redis and RabbitMQ, which scripts/dev-up.sh starts and this script ends.
Needs cargo and a C compiler, which builds the bundled SQLite. The servers are those of local packages, which are installed if the
caller is root on Debian or Ubuntu; containers are not used, since tests kill servers and preload libraries into them.

  --embedded   on the embedded defaults only
  --mysql URL  on this database server only, instead of MariaDB: mysql://user@host:port of a MySQL or MariaDB whose databases test_*
               are nobody's; they stay there. Redis and RabbitMQ are started as ever, and the database servers that tests start
               by themselves, to kill them or to slow their disks, are still MariaDB.
  SHARED_DIR   folder with the public data sets that some tests read; ../shared if that exists.
               Tests that miss something say so and are listed at the end.

Exit code: 0 if everything that ran passed, 1 if a test failed, 2 if a tool is missing or the use is wrong.
TEXT
}

embedded="" mysql=""
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --embedded) embedded=1; shift ;;
  --mysql)
    [[ "${2:-}" == mysql://* ]] || { usage >&2; exit 2; }
    mysql=$2
    shift 2
    ;;
  -*) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
filter=${1:-}

missing() { echo "scripts/test.sh: $1" >&2; exit 2; }
command -v cargo >/dev/null || missing "cargo is not installed"
command -v "${CC:-cc}" >/dev/null || missing "no C compiler (${CC:-cc}); on Debian: apt-get install build-essential"

if [ -z "${SHARED_DIR:-}" ] && [ -d ../shared ]; then
  SHARED_DIR=$(cd ../shared && pwd)
fi
[ -z "${SHARED_DIR:-}" ] || export SHARED_DIR
export CARGO_INCREMENTAL=0
unset CARBON_TEST_MYSQL CARBON_TEST_REDIS CARBON_TEST_AMQP

log=$(mktemp)
server=""
finish() {
  rm -f "$log"
  [ -z "$server" ] || { scripts/dev-up.sh down "$server" && rm -rf "$server"; }
}
trap finish EXIT

if [ -z "$embedded" ]; then
  # Each test has a database of its own, some 200 tables each: in memory they are made three times faster.
  room=$(df --output=avail -B1G /dev/shm 2>/dev/null | tail -1 || echo 0)
  server=$(mktemp -d "$([ "${room:-0}" -ge 8 ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/carbon-test.XXXXXX")
  scripts/dev-up.sh up --fast "$server" >/dev/null || missing "no servers, see above; --embedded does without"
fi

# Leaves the tests whose names begin so out of a run. By their whole names: --skip takes any part of one, and `chain::` is part of `http::chain::`.
same=() left_out=""
leave_out() {
  local found
  found=$(grep -E "^$1" <<<"$names" | grep -F -- "$filter") || return 0
  for name in $found; do same+=(--skip "$name"); done
  left_out+=$(printf '%5d  %s' "$(wc -l <<<"$found")" "$2")$'\n'
}

status=0
run() { cargo test --locked "$@" 2>&1 | tee -a "$log" || status=1; }

if [ -z "$mysql" ]; then
  echo "== on the embedded defaults"
  run --workspace --no-fail-fast ${filter:+"$filter"}
fi
if [ -z "$embedded" ]; then
  echo "== on the full stack"
  eval "$(scripts/dev-up.sh env "$server" | grep CARBON_TEST_)"
  [ -z "$mysql" ] || export CARBON_TEST_MYSQL=$mysql
  names=$(cargo test --locked --test it -- --list 2>/dev/null | sed -n 's/: test$//p' || true)
  leave_out '(house|licences|readme|containers|formats)::' "reads source text and fixed bytes"
  leave_out 'shared::' "compares what is compiled in with the shared data"
  leave_out '((chain|tampering)::|plans::every_statement_uses)' "works on SQLite files, whatever holds the ledger"
  leave_out 'kill::days::a_disk_too_full' "is about the chain's file alone"
  leave_out 'java::' "is what a Java caller sees, the same on both"
  leave_out 'import::real::(beijing|shanghai|shenzhen|singapore|guadalajara_plain)' "a city's figures, the same on both; Guadalajara runs here"
  run --test it --no-fail-fast ${filter:+"$filter"} -- ${same[@]+"${same[@]}"}
fi

count() { { grep -oE "[0-9]+ $1" "$log" || true; } | awk '{ sum += $1 } END { print sum + 0 }'; }
# What is skipped here and runs there is not skipped.
skipped=$({ grep -oE 'SKIPPED: .*' "$log" || true; } | sort -u)
[ -n "$embedded" ] || skipped=$(grep -v 'CARBON_TEST_[A-Z]* names no server' <<<"$skipped" || true)
echo
[ -z "$left_out" ] || printf 'left out on the full stack, how many and why:\n%s' "$left_out"
if [ -n "$skipped" ]; then
  echo "skipped, and why:"
  sed 's/^SKIPPED: /  /' <<<"$skipped"
else
  echo "skipped: nothing"
fi
echo "passed: $(count passed), failed: $(count failed)"
if [ "$status" != 0 ]; then
  grep -E '^test .* \.\.\. FAILED' "$log" | sort -u >&2 || true
  echo "scripts/test.sh: FAILED" >&2
fi
exit "$status"
