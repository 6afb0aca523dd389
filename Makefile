# Turus. `make demo` and `make test` set up everything they need; the second time they start at once.
# Needs Python 3.11 or newer (PYTHON=python3.12 make ... picks one), make and a package registry.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --quiet

.DELETE_ON_ERROR:
.PHONY: help setup setup-dev demo test check lint format faults schema lock clean

help:
	@echo 'make demo    read the samples that come with Turus; table, overlay pictures and a report in build/demo/'
	@echo 'make test    run the tests'
	@echo 'make check   style, types, import directions, form definitions'
	@echo 'make faults  kill web and worker 200 times on each database; nothing may be lost or doubled (40 minutes)'
	@echo 'make schema  the whole API against its own description, with many more examples than make test'
	@echo 'make format  lay the code out and mend what can be mended'
	@echo 'make lock    renew requirements*.lock from pyproject.toml'
	@echo 'make clean   remove .venv, build/ and caches'

setup: $(VENV)/.runtime
setup-dev: $(VENV)/.dev

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { \
		echo 'Turus needs Python 3.11 or newer, but "$(PYTHON)" was not found. Install it, or: make PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Turus needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv' >&2; \
		exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.python
	@echo 'Setting up .venv (a minute or two the first time) ...'
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python tools/ensure_cv2.py
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo 'Adding what the tests and checks need ...'
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(BIN)/python tools/ensure_cv2.py
	@touch $@

demo: $(VENV)/.runtime
	@$(BIN)/turus demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest

check: lint
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/turus form check

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults.run --database sqlite
	$(BIN)/python -m tests.faults.run --database postgresql

schema: $(VENV)/.dev
	TURUS_SCHEMA_EXAMPLES=100 $(BIN)/python -m pytest tests/service/test_schema.py

# The runtime lock follows the development lock, so that `make demo` and `make test` never undo each other.
lock: $(VENV)/.python
	@$(PIP) install --quiet uv
	@$(UV_COMPILE) --extra dev --output-file requirements-dev.lock
	@$(UV_COMPILE) --constraints requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
