# `make run` and `make test` are all the set-up there is. `make help` lists the rest.
# They need Python 3.11 or newer with its venv module, and make.

SHELL    := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# where it is set, each of the many processes that tests start compiles everything anew
unexport PYTHONDONTWRITEBYTECODE

PYTHON   ?= $(shell .ci/python 2>/dev/null)
VENV     := .venv
BIN      := $(VENV)/bin
CLIENTS  := tests/contract/clients
S3       := tests/integration/store/blobs
PORT     ?= 8000
PYTEST   ?= -q -n 3 --dist loadgroup
DATA     := $(if $(DATA_DIR),--data-dir "$(DATA_DIR)")

.PHONY: help run test lint types contracts pytest clients soak bench deps clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: $(VENV)/.run ## Start the server with two patients and live device readings: PORT=8000, DATA_DIR=…
	@exec $(BIN)/fhir-server demo --port $(PORT) $(DATA)

test: lint types contracts pytest ## Linters, types, architecture contracts, tests: five to seven minutes on two cores

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }

types: $(VENV)/.dev
	@$(BIN)/mypy

contracts: $(VENV)/.dev
	@$(BIN)/lint-imports --no-cache

pytest: $(VENV)/.dev clients $(VENV)/s3.classpath
	@$(BIN)/python -m pytest $(PYTEST)

clients: $(CLIENTS)/node_modules/.installed ## The JavaScript clients that the tests run, by npm

soak: $(VENV)/.dev ## Faults, load and the Java validator: 40 minutes at most
	@$(BIN)/python -m pytest -q -rP -o faulthandler_timeout=1800 -o timeout=0 -m soak tests/soak

bench: $(VENV)/.dev ## Operations per second and CPU, each beside a floor measured in the same run
	@$(BIN)/python -m tests.benchmarks $(BENCH)

deps: ## What the tests need beyond Python, from Debian's packages
	@.ci/deps

clean: ## Remove the virtual environment and caches; data folders stay
	@rm -rf $(VENV) $(CLIENTS)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml
	@.ci/python >/dev/null
	@test -x $(BIN)/python || { echo "Making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing what requirements.lock names"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	    -r requirements-build.lock -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what requirements-dev.lock names"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/s3.classpath: $(S3)/pom.xml $(VENV)/.run
	@command -v mvn >/dev/null || { echo "Java and Maven are needed. Run: make deps"; exit 1; }
	@echo "Installing what $(S3)/pom.xml names"
	@mvn -q -B -f $(S3)/pom.xml dependency:build-classpath -Dmdep.outputFile="$(CURDIR)/$@" >/dev/null
	@touch $@

$(CLIENTS)/node_modules/.installed: $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@command -v npm >/dev/null || { echo "npm and Node.js 18 or newer are needed. Run: make deps"; exit 1; }
	@echo "Installing what $(CLIENTS)/package-lock.json names"
	@npm ci --prefix $(CLIENTS) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
