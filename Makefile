# `make run` serves a trial from nothing; `make test` runs everything that CI runs. README.md says more.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := .ci/debian-packages
# Tests wait for servers more than they compute. Those of a file share its servers, so they stay together.
PARALLEL := --numprocesses 3 --dist loadfile
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for=editable \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: install run try test lint format bench clean lock
.DEFAULT_GOAL := run

install: .venv/installed

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("IMAPX needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PACKAGES) python3-venv
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt pyproject.toml .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

run: install
	@PATH="$$PATH:/usr/sbin" command -v dovecot >/dev/null || $(PACKAGES) dovecot-imapd dovecot-sieve dovecot-managesieved || \
		echo "No mail engine: without Dovecot only EXECUTE is served (engine none)."
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py demo
	@exec $(BIN)/python manage.py runimap --hints

try: install
	@$(BIN)/python manage.py trydemo

# The second run leaves out what touches no database, and the real clients and the browser, to whom it makes no
# difference.
test: lint tests/interop/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	$(BIN)/python -m pytest $(PARALLEL) --database sqlite
	$(BIN)/python -m pytest $(PARALLEL) --database postgresql --ignore tests/imapserver/wire --ignore tests/imapserver/engine \
		--ignore tests/commands/programs --ignore tests/interop --ignore tests/browser

tests/%/node_modules/.package-lock.json: tests/%/package-lock.json
	@! command -v npm >/dev/null || npm ci --prefix tests/$* --ignore-scripts --no-audit --no-fund || \
		echo "What tests/$*/package.json names can't be installed: the tests that need it are skipped."

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks

lock: .venv/installed-dev
	$(COMPILE) -o requirements.txt pyproject.toml
	$(COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml

clean:
	rm -rf .venv var build *.egg-info tests/*/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
