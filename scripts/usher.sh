#!/bin/sh
# Runs a program of Usher: usher.sh FILE [ARGUMENT…]. Installs what is missing, then becomes the pinned Bun:
# neither this shell nor Node.js stays in memory.
cd "$(dirname "$0")/.." || exit 1
# Printed before anything is installed or built.
if [ "$1" = src/main.ts ] && [ $# -gt 1 ]; then
  case "$2" in
  --help | -h) exec cat src/config/help.txt ;;
  esac
  echo "Usher takes no argument \"$2\". It is set by environment variables, such as HTTP_PORT=3103 npm start; \"npm start -- --help\" lists them." >&2
  exit 1
fi
command -v node >/dev/null || {
  echo "Usher needs Node.js 20 or newer, and there is no \"node\" here. Get it from https://nodejs.org." >&2
  exit 1
}
bun=$(node scripts/prepare.mjs "$1") || exit 1
exec "$bun" --no-env-file "$@"
