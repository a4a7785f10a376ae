#!/usr/bin/env bash
# Installs what building and testing need and the machine lacks: a C compiler, git, curl. Says so when it cannot.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v curl >/dev/null || missing+=(curl)
command -v unzip >/dev/null || missing+=(unzip)
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing ${missing[*]}"
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  if ! command -v apt-get >/dev/null || ! { "${run[@]}" apt-get update -q && "${run[@]}" apt-get install -y -q "${missing[@]}"; }; then
    echo "could not install ${missing[*]}; install them with your package manager and try again" >&2
    exit 1
  fi
fi
if ! cargo --version >/dev/null 2>&1; then
  echo "Rust is not installed or has no default version: install 1.95 or newer with rustup (rustup default stable)" >&2
  exit 1
fi
