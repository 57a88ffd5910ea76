#!/bin/sh
# Runs a program of Usher: usher.sh FILE [ARGUMENT…]. Installs what is missing, then becomes the pinned Bun:
# neither this shell nor Node.js stays in memory.
cd "$(dirname "$0")/.." || exit 1
command -v node >/dev/null || {
  echo "Usher needs Node.js 20 or newer, and there is no \"node\" here. Get it from https://nodejs.org." >&2
  exit 1
}
bun=$(node scripts/prepare.mjs "$1") || exit 1
exec "$bun" --no-env-file "$@"
