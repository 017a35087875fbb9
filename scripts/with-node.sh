#!/bin/sh
# Runs a TypeScript file of this checkout with Node 24, setting the checkout up first where needed.
# The shell is replaced by that Node, so its pid, signals and exit code are the caller's own.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 2
command -v node >/dev/null 2>&1 || { echo "handover: needs Node 20 or newer on the PATH" >&2; exit 2; }
node_binary=$(node "$root/scripts/setup.mjs") || exit $?
file=$1
shift
PATH="$root/node_modules/.bin:$PATH" exec "$node_binary" "$root/$file" "$@"
