#!/usr/bin/env bash
# Measures; prints medians and ratios, asserts nothing. Data from ../shared/data where it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --bin groundcrew
python3 scripts/bench.py "${CARGO_TARGET_DIR:-target}/release/groundcrew"
exec python3 scripts/bench_surfaces.py "${CARGO_TARGET_DIR:-target}/release/groundcrew"
