# Every verb sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# exact versions out of requirements.lock; an empty LOCKED takes the newest that pyproject.toml allows
LOCKED ?= --constraint requirements.lock
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check $(LOCKED)
# what is installed in $(VENV): the product; with what the tests and checks need; with what a developer needs
RUNTIME := $(VENV)/.runtime
TESTING := $(VENV)/.testing
SETUP := $(VENV)/.setup
INPUTS := pyproject.toml requirements.lock

.DEFAULT_GOAL := help
.PHONY: help demo setup test test-long test-latest check bench format lock system-packages clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

$(TESTING): $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable '.[test,check]'
	@touch $@ $(RUNTIME)

$(SETUP): $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(TESTING) $(RUNTIME)

demo: $(RUNTIME) ## simulated legacy cameras, the gateway and a verdict on what it serves
	@echo "the command is $(CURDIR)/$(BIN)/transcoder"
	$(BIN)/transcoder demo $(ARGS)

setup: $(SETUP) ## a virtual environment in .venv with everything that a developer needs
	@echo "the command is $(CURDIR)/$(BIN)/transcoder"

check: $(TESTING) ## lint, types, imports (seconds)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

system-packages: ## install the programs that tests use as cameras, readers and brokers (Debian, root)
	@sh tests/system-packages.sh

test: $(TESTING) system-packages check ## everything CI runs: check, then all tests
	$(BIN)/pytest $(ARGS)

test-long: $(TESTING) system-packages ## the tests that take minutes each
	$(BIN)/pytest -m long --timeout 1800 $(ARGS)

test-latest: ## all tests with the newest versions that pyproject.toml allows, in an environment of its own
	rm -rf .venv-latest
	$(MAKE) VENV=.venv-latest LOCKED= test

bench: $(TESTING) ## the load benchmarks, with their tables
	sh benchmarks/all.sh $(ARGS)

format: $(TESTING) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(SETUP) ## renew requirements.lock: the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --strip-extras --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--output-file requirements.lock pyproject.toml

clean: ## remove the virtual environments and caches
	rm -rf $(VENV) .venv-latest .mypy_cache .ruff_cache .pytest_cache .hypothesis
