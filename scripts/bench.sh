#!/usr/bin/env bash
# Measures the gateway against baselines of the same run. --help says more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--seconds N] [--trips N] [CASE...]

Builds in release and measures, in interleaved rounds, ratios first (docs/benchmarks.md says what each case is). All cases
without CASE:

  dispatch  the way to the chain, CPU against what its signatures cost
  intake    trips over HTTP against a transaction for each; batches against the writer alone
  reading   balances and totals while writing, against a bare SELECT over HTTP
  size      start-up, memory and bytes on disk with many trips
  real      the public sets: imported, confirmed, verified and imported again, every figure as computed elsewhere

  --seconds N   how long one slice of a round lasts (default 4)
  --trips N     trips in the data folder of `size` (default 1000000)

Each case prints a table and leaves bench/<case>.json in cargo's target folder. Needs Linux, cargo and a C compiler.
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
    dispatch | intake | reading | size | real) cases+=("$1"); shift ;;
    *) wrong ;;
  esac
done
[ ${#cases[@]} -gt 0 ] || cases=(dispatch intake reading size real)

for case in "${cases[@]}"; do
  cargo bench --locked --bench gateway -- "$case" ${options[@]+"${options[@]}"}
done
