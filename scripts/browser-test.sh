#!/usr/bin/env bash
# The panel in a real browser against the real program on a played outage.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
  echo "== installing chromium"
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  if ! { "${run[@]}" apt-get update -q && "${run[@]}" apt-get install -y -q --no-install-recommends chromium; } >/dev/null; then
    echo "chromium cannot be installed here: browser tests skipped"
    exit 0
  fi
fi
# The tests before this one built it; the same command finds that build again.
binary="${CARGO_TARGET_DIR:-target}/debug/groundcrew"
[ -x "$binary" ] || cargo test --workspace --no-run
data=$(mktemp -d)
export GROUNDCREW_DATA_DIR="$data" GROUNDCREW__SERVER__LISTEN=127.0.0.1:0 GROUNDCREW__SERVER__OTLP_GRPC=127.0.0.1:0 GROUNDCREW__SERVER__OTLP_HTTP=127.0.0.1:0
"$binary" demo > "$data/answer.txt" 2> "$data/log.txt" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  grep -q "still serving" "$data/log.txt" && break
  kill -0 "$server" 2>/dev/null || { cat "$data/log.txt"; exit 1; }
  sleep 0.2
done
url=$(sed -n 's/^panel *\(http[^ ]*\)$/\1/p' "$data/log.txt" | head -n 1)
[ -n "$url" ] || { cat "$data/log.txt"; exit 1; }
otlp=$(sed -n 's/.*"otlp_http":"\([^"]*\)".*/\1/p' "$data/demo/server.json")
# Pictures of the main states, for looking at.
pictures="${SCREENSHOTS:-$(realpath -m "${CARGO_TARGET_DIR:-target}")/screenshots}"
(cd web && GROUNDCREW_URL="$url" GROUNDCREW_BINARY="$(realpath "$binary")" GROUNDCREW_OTLP_URL="${otlp:+http://$otlp}" SCREENSHOTS="$pictures" npm run e2e)
echo "pictures of the panel: $pictures"
