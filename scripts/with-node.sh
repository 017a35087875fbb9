#!/bin/sh
# Runs a TypeScript file of this checkout with Node 24, setting the checkout up first where needed.
# The shell is replaced by that Node, so its pid, signals and exit code are the caller's own.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 2
# An installed tree names its Node and is never set up.
[ -x "$root/node" ] && file=$1 && shift && exec "$root/node" "$root/$file" "$@"
command -v node >/dev/null 2>&1 || { echo "handover: needs Node 20 or newer on the PATH" >&2; exit 2; }
node_binary=$(node "$root/scripts/setup.mjs")
code=$?
if [ "$code" -eq 1 ]; then
  # Our own faults end with 2: this Node could not even read the set-up.
  echo "handover: needs Node 20 or newer to set itself up, this is $(node --version 2>/dev/null)" >&2
  exit 2
fi
[ "$code" -eq 0 ] || exit "$code"
file=$1
shift
PATH="$root/node_modules/.bin:$PATH" exec "$node_binary" "$root/$file" "$@"
