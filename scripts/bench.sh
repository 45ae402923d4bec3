#!/usr/bin/env bash
# Measures the gateway against baselines of the same run. --help says more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--full-stack] [--seconds N] [--trips N] [CASE...]

Builds in release and measures, in interleaved rounds, ratios first (docs/benchmarks.md says what each case is). The first five
cases without CASE:

  dispatch  the way to the chain, CPU against what its signatures cost
  intake    trips over HTTP against a transaction for each; batches against the writer alone
  reading   balances and totals while writing, against a bare SELECT over HTTP
  size      start-up, memory and bytes on disk with many trips
  real      the public sets: imported, confirmed, verified and imported again, every figure as computed elsewhere
  full-stack  trips on a database server that waits for the disk, against a stored procedure, a transaction for each request, bare
            group commits; two instances against one; trips by the broker's queue against those over HTTP
  volume    reads with very many trips against a thirtieth of them, on a database server; loading 30 million takes an hour or two of
            a small machine and 1.5 KB of disk for each

  --full-stack  the case full-stack, alone or beside others
  --seconds N   how long one slice of a round lasts (default 4)
  --trips N     trips in the ledger of `size` (default 1000000) and of `volume` (default 30000000)

Each case prints a table and leaves bench/<case>.json in cargo's target folder, where the server has its data too; it is
started by scripts/dev-up.sh and ends with the script. Needs Linux, cargo and a C compiler, MariaDB for a server, and RabbitMQ
for a broker.
Exit code: 0 if everything could be measured, whatever the figures; 1 if something failed; 2 if the use is wrong.
TEXT
}

wrong() { usage >&2; exit 2; }
options=()
cases=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --seconds | --trips)
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || wrong
      options+=("$1" "$2")
      shift 2
      ;;
    dispatch | intake | reading | size | real | full-stack | --full-stack | volume)
      case=${1#--}
      [[ " ${cases[*]-} " == *" $case "* ]] || cases+=("$case")
      shift
      ;;
    *) wrong ;;
  esac
done
[ ${#cases[@]} -gt 0 ] || cases=(dispatch intake reading size real)

# Its data lies on the disk of the target folder: a temporary folder may lie in memory, where a flush costs nothing.
server=${CARGO_TARGET_DIR:-target}/bench/server
stop_server() {
  scripts/dev-up.sh down "$server"
  rm -rf "$server"
}

measure() { cargo bench --locked --bench gateway -- "$@" ${options[@]+"${options[@]}"}; }

for case in "${cases[@]}"; do
  case "$case" in
    full-stack | volume)
      rm -rf "$server"
      parts=(mariadb)
      broker=()
      [ "$case" != full-stack ] || parts+=(rabbitmq)
      trap stop_server EXIT
      settings=$(scripts/dev-up.sh up --large "$server" "${parts[@]}")
      [ "$case" != full-stack ] || broker=(--broker "$(cat "$server/rabbitmq.pid")")
      (eval "$settings" && measure "$case" ${broker[@]+"${broker[@]}"})
      trap - EXIT
      stop_server
      ;;
    *) measure "$case" ;;
  esac
done
