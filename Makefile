# `make demo` and `make test` do all the set-up themselves, in .venv; they need Python 3.10 or later, git and make.
.DEFAULT_GOAL := help
BIN := .venv/bin
SET_UP := .venv/set-up
PIP = $(BIN)/python -m pip install --quiet
LOCKED = --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-annotate --custom-compile-command 'make lock'
# One more than there are processors: most tests wait for git, for a tool, or for a time to be over.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN || echo 1) + 1)
# What pytest is told; PYTEST_ARGS=tests/cli/test_program.py tests one file.
PYTEST_ARGS = -n $(WORKERS)
# The tests of a run rewrite their asserts once, and the programs under test compile once.
unexport PYTHONDONTWRITEBYTECODE
# The first Python of 3.10 or later that can make a virtual environment; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)

# The lowest versions have no wheels for the newest Pythons.
LOWEST_PYTHON ?= $(shell for p in python3.10 python3.11 python3.12 $(PYTHON); do $$p -c '' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help demo test check pytest docs test-lowest test-newest lock matrix proof bench format clean
help: ## list the targets
	@sed -n 's/^\([a-z -]*\): .*## /make \1\t/p' Makefile

# Everything comes from the two locks, hashed: what builds packages first, then the rest without build isolation,
# because an isolated build fetches the newest setuptools or hatchling.
$(SET_UP): requirements/build.txt requirements/dev.txt pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo 'make: no Python of 3.10 or later with venv on the PATH; name one: make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes --requirement requirements/build.txt
	$(PIP) --require-hashes --no-build-isolation --requirement requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(SET_UP) ## renew requirements/: the newest versions of everything that the set-up installs, with hashes
	$(BIN)/uv pip compile $(LOCKED) --group dev --output-file requirements/dev.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCKED) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(BIN)/uv pip compile $(LOCKED) --group docs --constraint requirements/dev.txt --output-file requirements/docs.txt pyproject.toml

demo: $(SET_UP) ## the main job on a sample tool: from an empty folder to a reproduced result
	@$(BIN)/experimentstash demo

test: $(SET_UP) ## every check: ruff, mypy --strict, import circles, tests
	@$(MAKE) --no-print-directory --jobs=2 pytest check

check: $(SET_UP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# What runs in other processes is no part of the package for mypy: a tool's side, and the sample tool.
	for folder in experimentstash/hydra/inside experimentstash/cli/demo/sample; do (cd $$folder && \
		MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir=$(CURDIR)/.mypy_cache --explicit-package-bases .) || exit 1; done
	PYTHONPATH=experimentstash/hydra/inside $(BIN)/lint-imports --no-cache

pytest: $(SET_UP)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

docs: .venv-docs/set-up ## build the documentation into build/docs, and open it in a browser where there is one
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict
	.venv-docs/bin/python -m pytest -q tests/test_site.py

.venv-docs/set-up: requirements/build.txt requirements/docs.txt pyproject.toml Makefile
	$(PYTHON) -m venv --clear .venv-docs
	.venv-docs/bin/python -m pip install --quiet --require-hashes --requirement requirements/build.txt
	.venv-docs/bin/python -m pip install --quiet --require-hashes --no-build-isolation --requirement requirements/docs.txt
	.venv-docs/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test-lowest test-newest: test-%: .venv-%/set-up ## the tests with the lowest, or the newest, versions that pyproject.toml allows
	.venv-$*/bin/python -m pytest $(PYTEST_ARGS)

.venv-lowest/set-up: $(SET_UP)
	$(BIN)/uv venv --quiet --clear --python "$$(command -v $(LOWEST_PYTHON))" .venv-lowest
	$(BIN)/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --group dev --editable .
	@touch $@

.PHONY: .venv-newest/set-up # what is newest changes from day to day
.venv-newest/set-up: $(SET_UP)
	$(BIN)/uv venv --quiet --clear .venv-newest
	$(BIN)/uv pip install --quiet --refresh --python .venv-newest --group dev --editable .

matrix: $(SET_UP) ## every test in every variant: the drift matrix under every framework, …; half an hour
	EVERY=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

proof: $(SET_UP) ## mutations, histories and failing calls at full size; hours. PROOF_ARGS='--seed 2' chooses others
	$(BIN)/python tests/proof/prove.py $(PROOF_ARGS)

bench: $(SET_UP) ## measure what users wait for, and write the table in benchmarks/README.md
	$(BIN)/python benchmarks/run.py

format: $(SET_UP) ## ruff's formatter and its safe mends
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## take away what the targets made
	rm -rf .venv .venv-docs .venv-lowest .venv-newest build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
