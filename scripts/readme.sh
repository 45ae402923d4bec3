#!/usr/bin/env bash
# Runs the commands of README.md as they stand there, so that a newcomer's first minutes cannot break. --help says more.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: scripts/readme.sh [--list]

Runs every ```sh block of README.md that stands under a line `<!-- ci -->`, in order, in one shell, so that a variable set
in one block is known in the next. The working directory is a fresh copy of the tree's top level (links), so ./data starts
empty. `cargo run` builds in debug. A block that contains `serve` runs in the background; the next waits until it answers.
A command that fails, or an HTTP answer of 400 or more, fails the check.

  --list   print the blocks instead of running them
TEXT
}

list=
case "${1:-}" in
  "") ;;
  --list) list=1 ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

fail() { echo "scripts/readme.sh: $1" >&2; exit 1; }
[ -f "$top/README.md" ] || fail "there is no README.md"

work=$(mktemp -d)
servers=()
finish() {
  local pid
  for pid in ${servers[@]+"${servers[@]}"}; do
    kill -TERM -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

mkdir "$work/blocks" "$work/tree"
awk -v folder="$work/blocks" '
  inside && /^```[ \t]*$/ { inside = 0; close(file); next }
  inside                  { print > file; next }
  /^<!-- ci -->[ \t]*$/   { marked = 1; next }
  marked && /^```sh[ \t]*$/ { marked = 0; inside = 1; file = sprintf("%s/%02d-line-%d", folder, ++count, NR + 1); printf "" > file; next }
  marked && !/^[ \t]*$/   { print "line " NR ": `<!-- ci -->` stands above something that is no sh block" > "/dev/stderr"; exit 1 }
' "$top/README.md" || fail "README.md is not as it should be"
blocks=("$work"/blocks/*)
[ -e "${blocks[0]}" ] || fail "README.md has no sh block under <!-- ci -->"

if [ -n "$list" ]; then
  for block in "${blocks[@]}"; do echo "# ${block##*/}"; cat "$block"; done
  exit 0
fi

command -v curl >/dev/null || fail "curl is not installed"
listens() { (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; }
if listens; then fail "port 8080 is taken; README.md uses it, so stop what listens there"; fi

for entry in "$top"/* "$top"/.[!.]*; do
  case "${entry##*/}" in data | target | .git) ;; *) ln -s "$entry" "$work/tree/" ;; esac
done
cd "$work/tree"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$top/target}

# The commands run as written; only where the manifest lies, and what counts as failure, is added.
cargo() {
  local verb=$1 argument ours=1 arguments=()
  shift
  for argument in "$@"; do
    [ "$argument" != -- ] || ours=
    [ -n "$ours" ] && [ "$argument" = --release ] || arguments+=("$argument")
  done
  command cargo "$verb" --manifest-path "$top/Cargo.toml" ${arguments[@]+"${arguments[@]}"}
}
curl() { command curl --fail-with-body --silent --show-error "$@"; }

await_server() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    if command curl --silent --fail --max-time 2 http://127.0.0.1:8080/healthz >/dev/null 2>&1; then return; fi
    kill -0 "$1" 2>/dev/null || fail "the server of $2 has ended by itself"
    sleep 0.5
  done
  fail "the server of $2 does not answer on port 8080"
}

cargo build --locked
for block in "${blocks[@]}"; do
  name=${block##*/}
  echo "README ${name#*-}"
  sed 's/^/  $ /' "$block"
  if grep -qE '(^|[[:space:]])serve([[:space:]]|$)' "$block"; then
    # In a process group of its own, so that the server is found again at the end.
    set -m
    # shellcheck disable=SC1090
    (source "$block") &
    servers+=("$!")
    set +m
    await_server "$!" "$name"
  else
    # shellcheck disable=SC1090
    source "$block"
    echo
  fi
done
echo "README.md: ${#blocks[@]} blocks run"
