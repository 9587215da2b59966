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
# the tools that `make deploy-check` needs; the product and its other tests need none of them
TOOLS := .venv-deploy/.ready
INPUTS := pyproject.toml requirements.lock

# Many tests wait for cameras and clocks, so that more of them than there are cores run at once. Where tests without
# processes run beside them, one worker more takes these in the time that is left (tests/support/scheduling.py).
CORES := $(shell nproc 2>/dev/null || echo 2)
WORKERS ?= $(shell expr $(CORES) + $(CORES))
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup --durations 25
UNIT = -m 'not process and not e2e and not long'
PYTHONS ?= 3.11 3.12 3.13 3.14
# every process that a test starts would compile the program anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo setup test unit unit-all e2e attacks test-long deploy-check sbom test-latest coverage check bench screenshots format lock system-packages clean

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

$(TOOLS): deploy/requirements.txt
	$(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/pip install --quiet --disable-pip-version-check --requirement deploy/requirements.txt
	@touch $@

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

unit: $(TESTING) ## the tests that need no other program, no process and no root
	$(PYTEST) $(UNIT) $(ARGS)

unit-all: ## the unit tests with each of Python 3.11 to 3.14 that is here; PYTHONS=3.12 for one
	@for python in $$(sh tests/interpreters.sh $(PYTHONS)); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "== Python $$version" && $(MAKE) VENV=.venv-$$version PYTHON=$$python unit || exit 1; \
	done

e2e: $(TESTING) system-packages ## the tests with processes, cameras, readers and brokers
	$(PYTEST) -m '(process or e2e) and not long' $(ARGS)

attacks: $(TESTING) system-packages ## every attack test beside a clean stream: a line each, held or broken; up to ten minutes
	$(BIN)/python -m tests.attacks $(ARGS)

test: $(TESTING) system-packages check ## everything CI runs: check, then all tests
	$(PYTEST) $(ARGS)

test-long: $(TESTING) system-packages ## the tests that take minutes each
	$(BIN)/pytest -m long --timeout 1800 $(ARGS)

deploy-check: $(TESTING) $(TOOLS) ## deploy/ in machines and containers of its own (root, Debian; minutes)
	@sh tests/system-packages.sh deploy
	$(BIN)/pytest -m '' --timeout 1800 tests/deploy $(ARGS)

sbom: $(TOOLS) ## dist/sbom.cdx.json: the packages of the product in their locked versions (CycloneDX)
	$(PYTHON) -m venv --clear .venv-sbom
	.venv-sbom/bin/pip install --quiet --disable-pip-version-check $(LOCKED) .
	@mkdir -p dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .venv-deploy/bin/cyclonedx-py environment --of JSON --sv 1.6 \
		--output-reproducible --pyproject pyproject.toml --output-file dist/sbom.cdx.json .venv-sbom/bin/python

test-latest: ## all tests with the newest versions that pyproject.toml allows, in an environment of its own
	rm -rf .venv-latest
	$(MAKE) VENV=.venv-latest LOCKED= test

coverage: $(TESTING) ## which lines the unit tests run, a table a package; the core packages at 95 %
	$(PYTEST) $(UNIT) --cov --cov-report= $(ARGS)
	$(BIN)/python -m tests.support.coverage_table

screenshots: $(TESTING) system-packages ## docs/images: the page's pictures, of simulated cameras
	$(BIN)/python -m tests.browser.screenshots

bench: $(TESTING) ## the load benchmarks, with their tables
	sh benchmarks/all.sh $(ARGS)

format: $(TESTING) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: | $(BIN)/python ## renew requirements.lock: the newest versions that pyproject.toml allows
	$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.5,<1'
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --strip-extras --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--output-file requirements.lock pyproject.toml

clean: ## remove the virtual environments and caches
	rm -rf $(VENV) .venv-* .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
