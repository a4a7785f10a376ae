#!/usr/bin/env bash
# Runs a real OpenAI-compatible server with a tiny model of random numbers, for tests of the protocol.
#
# usage: tiny-model-server.sh PORT CACHE_DIR
#
# Installs llama.cpp's server into CACHE_DIR/venv (about 200 MB, once) and makes the model beside it. Serves on
# 127.0.0.1:PORT until it is ended; the server replaces this shell, so ending this process ends it. It can be used when
# http://127.0.0.1:PORT/health answers 200.
set -euo pipefail

if [ "$#" -ne 2 ]; then
  echo "usage: tiny-model-server.sh PORT CACHE_DIR" >&2
  exit 2
fi
port="$1"
cache="$2"
packages=(xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6)
installed="$cache/venv/installed.txt"

mkdir -p "$cache"
if [ "$(cat "$installed" 2>/dev/null)" != "${packages[*]}" ]; then
  echo "tiny model: installing llama.cpp's server (once)" >&2
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}"
  echo "${packages[*]}" >"$installed"
fi
exec "$cache/venv/bin/python" "$(dirname "$0")/tiny_model.py" "$cache/tiny-random.gguf" "$port"
