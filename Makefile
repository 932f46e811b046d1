# `make demo` and `make test` do all the set-up themselves, in .venv; they need Python 3.10 or later, git and make.
.DEFAULT_GOAL := help
BIN := .venv/bin
SET_UP := .venv/set-up
# One more than there are processors: most tests wait for git, for a tool, or for a time to be over.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN || echo 1) + 1)
# The first Python of 3.10 or later that can make a virtual environment; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help demo test matrix bench format clean
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

$(SET_UP): pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo 'make: no Python of 3.10 or later with venv on the PATH; name one: make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(SET_UP) ## the main job on a sample tool: from an empty folder to a reproduced result
	@$(BIN)/experimentstash demo

test: $(SET_UP) ## every check: ruff, mypy --strict, import circles, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# What runs in other processes is no part of the package for mypy: a tool's side, and the sample tool.
	for folder in experimentstash/hydra/inside experimentstash/sample; do (cd $$folder && \
		MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir=$(CURDIR)/.mypy_cache --explicit-package-bases .) || exit 1; done
	$(BIN)/lint-imports --no-cache
	@# A file's tests in one worker: what a module builds is built once.
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

matrix: $(SET_UP) ## every test in every variant: the drift matrix under every framework, …; half an hour
	EVERY=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

bench: $(SET_UP) ## measure what users wait for, and write the table in benchmarks/README.md
	$(BIN)/python benchmarks/run.py

format: $(SET_UP) ## ruff's formatter and its safe mends
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## take away what the targets made
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
