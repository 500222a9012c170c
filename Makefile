# `make help` lists the targets. Everything is installed into .venv; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
SOURCE ?=
TICKERS ?=
# Some images set it; then every process compiles the code again, a fifth of the start of a command.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help forecast server worker test test-fast coverage mutate docs soak lint lock bench install clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

forecast: $(STAMP) ## fetch, train, forecast and score (SOURCE=files TICKERS="AAPL MSFT")
	@$(BIN)/stockjax run $(if $(SOURCE),--source '$(SOURCE)') $(TICKERS)

server: $(STAMP) ## start the Prefect server and its UI, and stay
	@$(BIN)/prefect server start

worker: $(STAMP) ## deploy the flows, start the worker that carries them out, and stay
	@$(BIN)/python -m flows.worker

test: $(STAMP) ## run all checks and tests; what the UI showed is kept in build/screenshots
	@SCREENSHOTS='$(CURDIR)/build/screenshots' $(BIN)/python -m pytest

test-fast: $(STAMP) ## run the tests that need neither a server nor a whole run
	@$(BIN)/python -m pytest -n 2 --ignore tests/e2e --ignore tests/flows -m 'not slow'

coverage: $(STAMP) ## measure the branch coverage of all tests but those in other processes
	@$(BIN)/python -m pytest --ignore tests/e2e --cov --cov-report term-missing:skip-covered

mutate: $(STAMP) ## change the numerical packages at 400 seeded places: the tests must fail (MUTANTS=400 SEED=0)
	@$(BIN)/python tests/mutate.py --mutants $(or $(MUTANTS),400) --seed $(or $(SEED),0)

docs: $(STAMP) ## write the generated pages, and build the site in build/site
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m mkdocs build --strict --quiet

soak: $(STAMP) ## kill and interrupt many more runs than make test does (KILLS=30)
	@DASK_WORKERS=3 DASK_TICKERS=$(or $(DASK_TICKERS),100) KILLS=$(or $(KILLS),30) PARITY_SESSIONS=$(or $(PARITY_SESSIONS),40) DRAWN=$(or $(DRAWN),2000) $(BIN)/python -m pytest \
		tests/sources/test_drawn_files.py tests/flows/test_dask.py tests/e2e/unattended/test_kills.py tests/nightly/test_parity.py tests/e2e/unattended/soak_*.py

lint: $(STAMP) ## format and check the code
	@$(BIN)/ruff format stockjax flows tests bench docs
	@$(BIN)/ruff check --fix stockjax flows tests bench docs
	@$(BIN)/pyrefly check
	@$(BIN)/lint-imports

bench: $(STAMP) ## count what a night costs, then time the main job, nights, ingest, a large ledger, a report
	@-$(BIN)/python bench/guard.py
	@$(BIN)/python bench/limit.py
	@$(BIN)/python bench/main_job.py
	@$(BIN)/python bench/night_500.py
	@$(BIN)/python bench/ingest.py
	@$(BIN)/python bench/sql.py
	@$(BIN)/python bench/report.py

.PHONY: peers
peers: .venv-peers/installed ## compare with NeuralForecast and GARCH (PRICES=folder FROM=2012-01-03 TO=2012-12-31 TICKERS="AAPL MSFT")
	@.venv-peers/bin/python bench/peers.py $(if $(PRICES),--path '$(PRICES)') $(if $(FROM),--from $(FROM)) \
		$(if $(TO),--to $(TO)) $(if $(TICKERS),--tickers $(TICKERS))
	@.venv-peers/bin/python bench/peer_speed.py

.PHONY: targets
targets: .venv-peers/installed ## fill the table of what nights may cost, every figure next to its target (half an hour)
	@.venv-peers/bin/python bench/targets.py

# The peers' packages are large and in no lock; those of stockjax are the locked ones here too.
.venv-peers/installed: requirements.lock pyproject.toml | $(STAMP)
	@echo "installing the peers into .venv-peers"
	@test -x .venv-peers/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-peers
	@VIRTUAL_ENV=.venv-peers $(BIN)/uv pip install --quiet --constraint requirements.lock --group peers --editable .
	@touch $@

lock: $(STAMP) ## renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url pyproject.toml --group dev --output-file requirements.lock

install: $(STAMP) ## make .venv and install the locked packages

clean: ## remove .venv and what was built
	@rm -rf $(VENV) build dist

# The fast installer is itself one of the locked packages; pip fetches it, checked by its hash.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 14)))' || \
		{ echo "stockjax needs Python 3.11 to 3.14; this is $$($(PYTHON) --version 2>&1): give another, as in make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian: python3-venv)" >&2; rm -rf $(VENV); exit 1; }
	@awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements.lock > $(VENV)/installer.txt
	@test -x $(BIN)/uv || { echo "installing the locked packages into $(VENV)"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(VENV)/installer.txt; }
	@# Not "sync", which would remove a package with a source or a feature of your own.
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@# Relative: with LC_ALL=C, Python 3.11 cannot start if this file names a folder that is not ASCII.
	@for each in $(VENV)/lib/python3.*/site-packages/_editable_impl_stockjax.pth; do echo ../../../.. > $$each; done
	@touch $(STAMP)
