#!/usr/bin/env bash
# Runs the fuzz targets one after the other, guided by coverage and with AddressSanitizer (cargo-fuzz and a nightly compiler).
# FUZZ_SECONDS each, FUZZ_TARGETS to run some of them, FUZZ_SEEDS a directory of inputs to begin with. What was learnt stays
# in FUZZ_DIR, and so does an input that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

directory="${FUZZ_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/groundcrew/fuzz}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$directory/target}/fuzz"
rustup toolchain list 2>/dev/null | grep -q ^nightly || { echo "fuzzing needs a nightly compiler: rustup toolchain install nightly" >&2; exit 1; }
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz

targets="${FUZZ_TARGETS:-$(cargo +nightly fuzz list)}"
cargo +nightly fuzz build --release
failed=()
for target in $targets; do
    corpus="$directory/corpus/$target" found="$directory/found/$target/"
    mkdir -p "$corpus" "$found"
    cargo +nightly fuzz run --release "$target" "$corpus" ${FUZZ_SEEDS:+"$FUZZ_SEEDS"} -- -max_total_time="${FUZZ_SECONDS:-60}" \
        -max_len=65536 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found" -print_final_stats=1 >"$found/log" 2>&1 || failed+=("$target")
    echo "$target: $(grep -oE 'number_of_executed_units: +[0-9]+' "$found/log" | grep -oE '[0-9]+' || echo 0) runs," \
        "$(grep -oE 'cov: [0-9]+' "$found/log" | tail -1 || true), $(ls "$corpus" | wc -l) inputs kept"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}; see $directory/found" >&2
    exit 1
fi
