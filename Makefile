# Each target sets up what it needs in .venv, then does its job. `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
UI_PORT ?= 8501
DATA ?= ../shared/data
WEIGHTS ?= imagenet
ROUNDS ?= 5
EXAMPLES ?= 500
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

# Set by some container images; without it Python keeps what it compiled and every start after the first is faster.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help serve ui gateway test tests test-long lint docs fuzz contract clinic train bench soak requirements

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 14

serve: .venv/service ## set up and start the service on http://127.0.0.1:$(PORT)
	$(BIN)/melanoserve serve --port $(PORT)

ui: .venv/ui ## set up and start the page on http://127.0.0.1:$(UI_PORT); the service must run, see MELANOSERVE_URL
	$(BIN)/python -m streamlit run ui/app.py --server.port $(UI_PORT)

gateway: .venv/clinic ## set up and start the gateway beside a PACS; its settings are in docs/gateway.md
	$(BIN)/python -m gateway run

test: .venv/dev .venv/training .venv/docs .venv/ui ## set up and run linters, type checks and all tests
	@$(MAKE) --no-print-directory --jobs=2 lint tests # side by side: the type checks take one processor

tests: .venv/dev .venv/training .venv/docs .venv/ui
	@env -u MAKEFLAGS $(BIN)/python -m pytest -n 4 # some of them run make

test-long: export TEST_LONG = 1
test-long: test ## the same, and the few tests that take long

lint: .venv/dev .venv/training .venv/docs .venv/ui ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/docs ## make the documentation as a site, to be opened at site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

fuzz: MINUTES ?= 10
fuzz: .venv/dev ## mutated files of every format against the decoder, in bounded processes; MINUTES=10
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

contract: .venv/dev .venv/training ## the running service against its OpenAPI document; EXAMPLES=500 for each operation
	CONTRACT_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/service/test_contract.py

clinic: .venv/dev ## gateway killed ten times amid 200 images and a PACS away for a minute: one report for each image
	CLINIC_IMAGES=200 CLINIC_KILLS=10 CLINIC_AWAY=60 $(BIN)/python -m pytest -s tests/gateway/test_killed.py

train: .venv/training ## train and publish classifier and grader; DATA=folder WEIGHTS=file|imagenet|none
	$(BIN)/python -m training classifier --data $(DATA) --weights $(WEIGHTS)
	$(BIN)/python -m training grader --data $(DATA)

bench: .venv/training ## measure the service beside the bare work and its peers, in one run; ROUNDS=5
	$(BIN)/python -m benchmarks compare --rounds $(ROUNDS)

soak: MINUTES ?= 60
soak: .venv/training ## an hour of the service at 80 % load: are latency and memory flat? MINUTES=60
	$(BIN)/python -m benchmarks soak --minutes $(MINUTES)

# The files below .venv say that a set of packages is installed as its requirements name it now. What the service needs is
# compiled at once, so that its first start is no slower than the next. Most of what the others bring is never imported;
# Python compiles it when it is.

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/service: .venv/python requirements/service.txt requirements/build.txt pyproject.toml
	$(PIP) -r requirements/service.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q client dermoscopy model_store service
	touch $@

.venv/training: .venv/service requirements/training.txt
	$(PIP) --no-compile -r requirements/training.txt
	touch $@

.venv/ui: .venv/service requirements/ui.txt
	$(PIP) --no-compile -r requirements/ui.txt
	touch $@

.venv/clinic: .venv/service requirements/clinic.txt
	$(PIP) --no-compile -r requirements/clinic.txt
	touch $@

.venv/dev: .venv/clinic requirements/dev.txt requirements/tracing.txt requirements/postgres.txt requirements/accelerator.txt
	$(PIP) --no-compile -r requirements/dev.txt -r requirements/tracing.txt -r requirements/postgres.txt -r requirements/accelerator.txt
	touch $@

.venv/docs: .venv/service requirements/docs.txt
	$(PIP) --no-compile -r requirements/docs.txt
	touch $@

requirements: ## pin the newest versions that fit requirements/*.in (needs uv)
	@for part in service build training ui tracing postgres clinic accelerator dev docs bench-fastapi bench-litserve bench-bentoml; do \
		uv pip compile --quiet --upgrade --no-header --universal --python-version 3.11 --generate-hashes \
			requirements/$$part.in -o requirements/$$part.txt || exit 1; \
	done
