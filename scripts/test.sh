#!/usr/bin/env bash
# Every test: Rust, the official Python exporters, a real OpenAI-compatible server, the panel and a browser.
# What a test needs and can be had from the package managers is installed first; what cannot be had is said and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
cache="${XDG_CACHE_HOME:-$HOME/.cache}/groundcrew"
mkdir -p "$cache"

# --- peers from Python, each in an environment of its own ---
if [ ! -x "$cache/otel-venv/bin/python" ] || ! "$cache/otel-venv/bin/python" -c 'import opentelemetry.exporter.otlp' 2>/dev/null; then
  echo "== installing the OpenTelemetry Python SDK"
  python3 -m venv "$cache/otel-venv" && "$cache/otel-venv/bin/pip" install -q \
    opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc opentelemetry-exporter-otlp-proto-http opentelemetry-exporter-otlp \
    || echo "the OpenTelemetry SDK cannot be had here; its tests say that they are skipped"
fi
export GROUNDCREW_TEST_OTEL_PYTHON="$cache/otel-venv/bin/python"
export GROUNDCREW_TEST_TINY_MODEL="$cache/tiny-model"
scripts/tiny-model-server.sh --prepare "$cache/tiny-model" || echo "the small model server cannot be had here; its test says that it is skipped"

echo "== Rust"
cargo test --workspace

echo "== panel"
if command -v npm >/dev/null; then
  (cd web && npm run typecheck && npm test)
  scripts/browser-test.sh
else
  echo "Node is not installed: panel and browser tests skipped"
fi
