#!/usr/bin/env bash
# Runs every test: units, the integration suite, the examples in the documentation. --help says more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [FILTER]

Runs all tests (library, integration suite, documentation), or those whose name contains FILTER.
Needs cargo and a C compiler, which builds the bundled SQLite.

  SHARED_DIR   folder with the public data sets that some tests read; ../shared if that exists.
               Tests that miss something say so and are listed at the end.

Exit code: 0 if everything that ran passed, 1 if a test failed, 2 if a tool is missing or the use is wrong.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }

missing() { echo "scripts/test.sh: $1" >&2; exit 2; }
command -v cargo >/dev/null || missing "cargo is not installed"
command -v "${CC:-cc}" >/dev/null || missing "no C compiler (${CC:-cc}); on Debian: apt-get install build-essential"

if [ -z "${SHARED_DIR:-}" ] && [ -d ../shared ]; then
  SHARED_DIR=$(cd ../shared && pwd)
fi
[ -z "${SHARED_DIR:-}" ] || export SHARED_DIR
export CARGO_INCREMENTAL=0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# --show-output: a test that passes because it skipped itself has said why.
cargo test --locked --workspace --no-fail-fast ${1:+"$1"} -- --show-output 2>&1 | tee "$log" || status=1

count() { { grep -oE "[0-9]+ $1" "$log" || true; } | awk '{ sum += $1 } END { print sum + 0 }'; }
skipped=$({ grep -oE 'SKIPPED: .*' "$log" || true; } | sort -u)
echo
if [ -n "$skipped" ]; then
  echo "skipped, and why:"
  sed 's/^SKIPPED: /  /' <<<"$skipped"
else
  echo "skipped: nothing"
fi
echo "passed: $(count passed), failed: $(count failed)"
[ "$status" = 0 ] || echo "scripts/test.sh: FAILED" >&2
exit "$status"
