# Every verb sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check bench format system-packages clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $(STAMP)

demo: $(STAMP) ## simulated legacy cameras, the gateway and a verdict on what it serves
	$(BIN)/transcoder demo $(ARGS)

check: $(STAMP) ## lint, types, imports (seconds)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

system-packages: ## install the programs that tests use as cameras, readers and brokers (Debian, root)
	@sh tests/system-packages.sh

test: $(STAMP) system-packages check ## everything CI runs: check, then all tests
	$(BIN)/pytest $(ARGS)

test-long: $(STAMP) system-packages ## the tests that take minutes each
	$(BIN)/pytest -m long --timeout 1800 $(ARGS)

bench: $(STAMP) ## the load benchmarks, with their tables
	sh benchmarks/all.sh $(ARGS)

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
