# Every target is one plain command or a short list of them. `make demo` and `make test` do all set-up themselves.
SHELL := /bin/bash
MODEL_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/groundcrew/all-MiniLM-L6-v2
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo test build model web setup bench bench-intake fuzz check fmt lint doc clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: setup model web ## build everything and answer what broke in a simulated shop
	cargo build --release
	$(TARGET_DIR)/release/groundcrew demo $(DEMO_ARGS)

test: setup model web ## run every test: Rust, Python exporters, panel, browser
	scripts/test.sh

build: web ## build the release binary with the panel inside, and Kafka
	cargo build --release --features kafka

model: ## fetch the embedding model; search by words works without it
	@scripts/fetch-model.sh "$(MODEL_DIR)" || echo "going on without the embedding model: documents are searched by words alone"

web: ## build the panel, if Node is there
	@scripts/build-web.sh

setup: ## install what the build needs from the system
	@scripts/setup.sh

bench: setup model web ## measure; prints figures, asserts none
	scripts/bench.sh

bench-intake: setup ## measure the log path beside its peers, spans and metrics; BENCH_ARGS="--megabytes 1000" for more
	cargo build --release --bin groundcrew
	python3 scripts/bench_intake.py $(TARGET_DIR)/release/groundcrew $(BENCH_ARGS)
	python3 scripts/bench_spans.py $(TARGET_DIR)/release/groundcrew

fuzz: ## feed every decoder changed inputs, guided by coverage; FUZZ_SECONDS=3600 for more
	scripts/fuzz.sh

fmt: ## format
	cargo fmt --all

lint: ## clippy, warnings as errors
	cargo clippy --workspace --all-targets --features kafka -- -D warnings

doc: ## documentation of every item, private ones too
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
