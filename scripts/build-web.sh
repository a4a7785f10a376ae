#!/usr/bin/env bash
# Builds the panel into web/dist, from which the binary takes it. Without Node the server says how to build it.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
  echo "Node 20 is not installed, so the web panel is left out; everything else works"
  exit 0
fi
stamp=web/dist/.built-from
state=$(cat web/package-lock.json web/*.ts web/*.json web/index.html $(find web/src -type f | sort) | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
  exit 0
fi
cd web
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || { npm ci --no-audit --no-fund && touch node_modules; }
npm run build
echo "$state" > "../$stamp"
