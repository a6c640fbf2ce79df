# What a person does with haggle. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# Property tests draw the same cases in every run; another seed tries others: make unit PROPERTY_SEED=2
PROPERTY_SEED ?= 20260101

# make demo: how many shoppers (0: until Ctrl-C), whether to end by itself, first port, seed.
SHOPPERS ?= 0
EXIT ?= 0
PORT ?= 8787
SEED ?= 1

# Pages and price strings of real shops: tests read them where the folder is there, and say so where it is not.
HAGGLE_PAGES ?= $(wildcard $(CURDIR)/../shared/pages)
ifneq ($(HAGGLE_PAGES),)
export HAGGLE_PAGES
endif

ROOT := $(CURDIR)
TOOLS := $(ROOT)/.tools/bin
NODE_BIN := $(ROOT)/node_modules/.bin
WASM := wasm32-unknown-unknown
LOCKED := $(if $(CI),--locked)
WRANGLER := WRANGLER_SEND_METRICS=false $(NODE_BIN)/wrangler

# wasm builds go to Debian's compiler where .ci/setup had to take it (rustup's channel closed); else this is no folder.
RUST_WEB := $(ROOT)/.tools/rust-web/bin
WASM_PATH := PATH="$(RUST_WEB):$(TOOLS):$$PATH"
# Panic messages name source files: without what is before them on this machine.
CARGO_HOME ?= $(HOME)/.cargo
WASM_FLAGS = \
	$(foreach crates,$(shell ls -d $(CARGO_HOME)/registry/src/* 2>/dev/null),--remap-path-prefix=$(crates)/=) \
	--remap-path-prefix=$(shell $(WASM_PATH) rustc --print sysroot)/lib/rustlib/src/rust/library/=
WASM_ENV = env $(WASM_PATH) CARGO_PROFILE_RELEASE_OPT_LEVEL=z RUSTFLAGS='$(WASM_FLAGS)'
# What a browser loads has SHA-256 as a loop of 64 rounds, not written out round by round: 5 KB less. Nobody waits for it there.
BROWSER_ENV = env $(WASM_PATH) CARGO_PROFILE_RELEASE_OPT_LEVEL=z RUSTFLAGS='$(WASM_FLAGS) --cfg sha2_backend_soft="compact"'
# worker-build fetches these three by itself unless it is told where they are.
BUILD_ENV = $(WASM_ENV) WASM_BINDGEN_BIN=$(TOOLS)/wasm-bindgen WASM_OPT_BIN=$(NODE_BIN)/wasm-opt \
	ESBUILD_BIN=$(NODE_BIN)/esbuild

# The features that rustc and worker-build use. Not --all-features: that writes encodings which V8 cannot load.
# --low-memory-unused: the lowest kilobyte is the end of the stack, where only an overflow would come to.
# --reorder-functions-by-name: what is alike stands together, which gzip likes.
WASM_OPT := $(NODE_BIN)/wasm-opt --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int \
	--enable-bulk-memory --enable-multivalue --enable-reference-types --enable-exception-handling --low-memory-unused -Os --converge \
	--reorder-functions-by-name --strip-debug --strip-producers --strip-target-features

# For size alone, and functions that differ in a number become one: 2 KB less of the lab.
BROWSER_OPT = $(subst -Os,-Oz --merge-similar-functions -Oz,$(WASM_OPT))

CORE_SOURCES := $(shell find src -name '*.rs') Cargo.toml $(wildcard Cargo.lock) rust-toolchain.toml
WORKER_SOURCES := $(CORE_SOURCES) $(shell find worker/src -type f) $(wildcard worker/Cargo.toml worker/.cargo/config.toml)
BROWSER_SOURCES = $(CORE_SOURCES) $(shell find www/wasm/$* -name '*.rs') www/wasm/$*/Cargo.toml

WORKER_JS := worker/build/index.js
# What the pages of the admin host load: our two modules of wasm, and the library that draws charts.
BROWSER_WEB := $(foreach name,preview lab,www/pkg/haggle_$(name).js) www/vendor/uPlot.js
BROWSER_NODE := $(foreach name,preview lab,target/browser-node/haggle_$(name).js)
BENCH_NODE := target/bench-node/haggle_bench.js
BENCH_SOURCES := $(CORE_SOURCES) $(shell find tests/bench/wasm -name '*.rs') tests/bench/wasm/Cargo.toml worker/.cargo/config.toml
LOGS := target/test-logs
# Where cargo puts things: elsewhere if CARGO_TARGET_DIR says so.
CARGO_OUT := $(or $(CARGO_TARGET_DIR),target)
BENCH_WASM := $(CARGO_OUT)/$(WASM)/release/haggle_bench.wasm
BROWSER_WASM := $(CARGO_OUT)/$(WASM)/release/haggle

# A step's title; a comma in it is written $(comma).
comma := ,
say = @printf '\n== %s\n' "$(1)"

##@ What there is to do

.PHONY: help
help: ## this list
	@printf 'haggle: bandit pricing at the CDN edge\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@printf '\nmake demo takes SHOPPERS=n EXIT=1 PORT=n SEED=n. Parts of make test, in order:\n  %s\n' "$(PARTS)"

.PHONY: demo
demo: setup-build worker ## the whole loop on this machine: a shop, the Worker, shoppers, live numbers
	@node tests/shop/demo.mjs --shoppers $(SHOPPERS) --exit $(EXIT) --port $(PORT) --seed $(SEED)

PARTS := setup fmt clippy unit doc deny worker types core-only node-tests dry-run

.PHONY: test
test: $(PARTS) ## everything that CI runs, in order (the first time about 20 minutes on 2 cores)
	$(call say,summary)
	@grep -hE '^(test result:|(ℹ|#) (tests|pass|fail|cancelled|skipped) )' $(LOGS)/unit.log $(LOGS)/node.log
	@echo 'make test: green'

.PHONY: bench
bench: setup-build worker $(BENCH_NODE) ## sizes, decisions per second native and wasm, pages, and the dashboard
	@node tests/bench/bench.mjs

.PHONY: bench-dashboard
bench-dashboard: setup-build worker ## the dashboard alone: how soon it is there, how fast it draws, what it loads
	@node tests/bench/bench.mjs dashboard

.PHONY: screenshots
screenshots: setup-build worker ## www/screenshots: the dashboard with a past, always the same
	@node tests/dashboard/screenshots.mjs

.PHONY: bench-regret
bench-regret: ## regret of the policies beside that of independent programs, 400 runs each (4 minutes on 2 cores)
	@cargo build $(LOCKED) --release --features cli --bin haggle
	@node tests/bench/regret.mjs $(CARGO_OUT)/release/haggle

.PHONY: worker
worker: $(WORKER_JS) $(BROWSER_WEB) $(BROWSER_NODE) ## build the Worker and its pages (nothing where nothing changed)
	@:

.PHONY: deploy
deploy: setup-build worker ## wrangler deploy (read docs/operations.md before the first)
	$(WRANGLER) deploy

.PHONY: crawlers
crawlers: ## the list of crawlers from the installed npm package isbot (npm update isbot && make crawlers)
	@node .ci/crawlers.mjs

.PHONY: clean
clean: ## remove what was built; the tools in .tools and node_modules stay
	rm -rf target worker/build www/pkg www/vendor .wrangler

##@ Parts of make test

.PHONY: setup setup-build
setup:
	$(call say,set-up)
	@.ci/setup
setup-build:
	@.ci/setup build

.PHONY: fmt
fmt:
	$(call say,cargo fmt --check)
	@cargo fmt --all --check

.PHONY: clippy
clippy:
	$(call say,cargo clippy of every target)
	@cargo clippy $(LOCKED) --workspace --all-targets --features cli -- -D warnings
	$(call say,cargo clippy for wasm32: worker and www/wasm)
	@if [ -d $(RUST_WEB) ]; then echo "left out: Debian's compiler has no clippy"; \
	else cargo clippy $(LOCKED) --target $(WASM) -p haggle-worker -p haggle-preview -p haggle-lab -- -D warnings; fi

.PHONY: unit
unit:
	$(call say,cargo test: the core$(comma) its laws and the examples in its docs)
	@mkdir -p $(LOGS)
	@PROPTEST_RNG_SEED=$(PROPERTY_SEED) cargo test $(LOCKED) -p haggle --features cli 2>&1 | tee $(LOGS)/unit.log

.PHONY: doc
doc:
	$(call say,cargo doc)
	@RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --workspace --no-deps --features cli

.PHONY: deny
deny:
	$(call say,cargo deny: licences$(comma) bans and sources)
	@$(TOOLS)/cargo-deny --log-level error check licenses bans sources

# Core: what would make the same input give other bytes, or would not build for every target.
FORBIDDEN := worker|wasm-bindgen|js-sys|web-sys|getrandom|tokio

.PHONY: core-only
core-only:
	$(call say,the core depends on no platform$(comma) clock or randomness source)
	@if cargo tree $(LOCKED) -p haggle --target all --edges normal --prefix none --format '{p}' | grep -E '^($(FORBIDDEN))[ -]'; \
	then echo 'the core must not depend on these' >&2; exit 1; \
	else cargo tree $(LOCKED) -p haggle --target all --edges normal --prefix none | sort -u | wc -l | sed 's/$$/ crates, none forbidden/'; fi

.PHONY: types
types: $(BROWSER_WEB)
	$(call say,tsc: the types in the comments of www/)
	@$(NODE_BIN)/tsc -p jsconfig.json

.PHONY: node-tests
node-tests: worker
	@cargo build $(LOCKED) -p haggle --features cli --bin haggle
	$(call say,node --test: golden vectors$(comma) the loop on workerd$(comma) the browser)
	@mkdir -p $(LOGS)
	@node --test --test-concurrency=1 --test-reporter=spec tests/*.test.mjs tests/dashboard/*.test.mjs 2>&1 | tee $(LOGS)/node.log

.PHONY: dry-run
dry-run:
	$(call say,wrangler deploy --dry-run)
	@$(WRANGLER) deploy --dry-run --outdir target/dry-run

##@ Files

$(WORKER_JS): $(WORKER_SOURCES) Makefile .ci/drop-exports.mjs
	$(call say,worker/build: the Worker)
	@cd worker && $(BUILD_ENV) $(TOOLS)/worker-build --release --no-opt
	@node .ci/drop-exports.mjs worker/build/index_bg.wasm
	@$(WASM_OPT) worker/build/index_bg.wasm -o worker/build/index_bg.wasm
	@touch $@

.SECONDEXPANSION:
.SECONDARY: $(foreach name,preview lab,$(BROWSER_WASM)_$(name).wasm)

$(BROWSER_WASM)_%.wasm: $$(BROWSER_SOURCES) Makefile
	$(call say,www/pkg: $*)
	@$(BROWSER_ENV) cargo build $(LOCKED) --release -p haggle-$* --target $(WASM)
	@touch $@

www/pkg/haggle_%.js: $(BROWSER_WASM)_%.wasm
	@$(TOOLS)/wasm-bindgen --target web --out-dir www/pkg --out-name haggle_$* $<
	@$(BROWSER_OPT) www/pkg/haggle_$*_bg.wasm -o www/pkg/haggle_$*_bg.wasm

target/browser-node/haggle_%.js: $(BROWSER_WASM)_%.wasm
	@$(TOOLS)/wasm-bindgen --target nodejs --no-typescript --out-dir target/browser-node --out-name haggle_$* $<
	@echo '{ "type": "commonjs" }' >target/browser-node/package.json
	@$(BROWSER_OPT) target/browser-node/haggle_$*_bg.wasm -o target/browser-node/haggle_$*_bg.wasm

www/vendor/uPlot.js: node_modules/uplot/package.json Makefile
	@mkdir -p www/vendor
	@$(NODE_BIN)/esbuild node_modules/uplot/dist/uPlot.esm.js --minify --legal-comments=inline --log-level=error --outfile=$@
	@cp node_modules/uplot/dist/uPlot.min.css node_modules/uplot/dist/uPlot.d.ts node_modules/uplot/LICENSE www/vendor/

$(BENCH_NODE): $(BENCH_SOURCES) Makefile
	$(call say,target/bench-node: the core in wasm$(comma) to be timed)
	@$(WASM_ENV) cargo build $(LOCKED) --config worker/.cargo/config.toml --release -p haggle-bench --target $(WASM)
	@$(TOOLS)/wasm-bindgen --target nodejs --no-typescript --out-dir target/bench-node --out-name haggle_bench $(BENCH_WASM)
	@echo '{ "type": "commonjs" }' >target/bench-node/package.json
	@$(WASM_OPT) target/bench-node/haggle_bench_bg.wasm -o target/bench-node/haggle_bench_bg.wasm
	@touch $@
