# Landbridge: `make demo` shows it, `make test` proves it.
.DELETE_ON_ERROR:
.PHONY: demo dev test check lint types layers exam bench clean help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROJECT ?= examples/airline
export HF_HUB_OFFLINE := 1

help:
	@echo "make demo    install, build the example's systems, run the pipeline, show gaps and cited answers"
	@echo "make dev     open the Dagster UI, its daemon and the API on the example"
	@echo "make test    run the tests"
	@echo "make check   lint, types, layers and tests"
	@echo "make exam    run the slow exams of the whole pipeline"
	@echo "make bench   time the main job, embedding, the index, databases, files, conflicts, entities, checks and gap rules"
	@echo "make clean   remove what demo built (the environment stays)"

# One pinned environment. Nothing but Python, git and make is needed.
$(STAMP): requirements.lock requirements.drivers.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 1)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked environment, about 3 GB on disk; it takes a minute or more." >&2
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements.drivers.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/airline/seed.py --if-missing
	$(BIN)/landbridge run --project examples/airline
	@echo
	@echo "What is missing or contradictory across the systems:"
	@echo
	$(BIN)/landbridge gaps --project examples/airline
	@echo
	@echo "What an agent is told (landbridge ask):"
	@echo
	$(BIN)/landbridge ask --project examples/airline
	@echo "Look around:     make dev        then http://127.0.0.1:3000 (Dagster) and http://127.0.0.1:8787/docs (API)"
	@echo "Ask yourself:    $(BIN)/landbridge ask --project examples/airline \"Which hours of weather are missing at JFK?\""

dev: $(STAMP)
	$(BIN)/landbridge dev --project $(PROJECT)

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope

check: lint types layers test

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

exam: $(STAMP)
	$(BIN)/python -m pytest -m exam -o addopts="--import-mode=importlib -q --strict-markers --strict-config"

bench: $(STAMP)
	$(BIN)/python -m evals.bench_spine
	test -z "$(CRANFIELD)" || $(BIN)/python -m evals.bench_embedding $(CRANFIELD)
	test -z "$(CRANFIELD)" || $(BIN)/python -m evals.bench_index $(CRANFIELD)
	$(BIN)/python -m evals.bench_index_size
	$(BIN)/python -m evals.nights
	$(BIN)/python -m evals.bench_databases
	$(BIN)/python -m evals.bench_incremental
	$(BIN)/python -m evals.bench_files
	$(BIN)/python -m evals.settling
	$(BIN)/python -m evals.linking
	$(BIN)/python -m evals.question_groups
	$(BIN)/python -m evals.bench_expectations
	$(BIN)/python -m evals.bench_gaps
	$(BIN)/python -m evals.dirty

clean:
	rm -rf examples/airline/.landbridge examples/airline/systems
