# Everything a person types. `make` alone lists the targets; CI runs `make lint` and `make test` and nothing else.

PYTHON ?= python3
WORKERS ?= 2
OUT ?= out

BIN := .venv/bin
STAMP := .venv/.installed
CODE := libs services cli tests
MEMBERS := libs/contracts libs/eventlog libs/runtime \
	services/gateway services/orchestrator services/agent-runner services/artifacts services/hitl cli

# The idea travels in the environment, so that quotes, dollars and backticks in it mean nothing to make or the shell.
override export DEMO_IDEA := $(value IDEA)
unexport IDEA

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# `python -m venv`, which Ctrl-C ends without a traceback of fifty lines.
VENV := import runpy, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); runpy.run_module("venv", run_name="__main__")

# An environment that was made elsewhere (a checkout that was moved or copied) names paths that are gone.
ifneq ($(shell grep -qs "$(CURDIR)/.venv$$" .venv/pyvenv.cfg && echo here),here)
.PHONY: $(STAMP)
endif

.PHONY: help install demo up test soak fuzz bench-log bench-api lint format lock clean
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## Create .venv from requirements.lock; done again only when something changed

demo: $(STAMP) ## Carry an idea to a ZIP under out/ (IDEA="a poll for small teams")
	@exec $(BIN)/baton run --out "$(OUT)" $${DEMO_IDEA:+-- "$$DEMO_IDEA"}

up: $(STAMP) ## Serve at http://127.0.0.1:8080 until Ctrl-C
	@exec $(BIN)/baton up

test: $(STAMP) ## Run the tests, on as many cores as WORKERS says (2)
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile

soak: $(STAMP) ## Run in full what `make test` runs shortened (ten kills of baton up; 15,000 bad inputs)
	@BATON_SOAK=1 $(BIN)/pytest -q --timeout 600 tests/integration/test_crash.py tests/abuse

fuzz: $(STAMP) ## Try everything that the OpenAPI document allows, 1,000 cases an operation (ten minutes)
	@BATON_CASES=1000 $(BIN)/pytest -q -s tests/fuzz

bench-log: $(STAMP) ## Measure the log beside its floors (docs/performance.md), some minutes
	@PYTHONPATH=tests $(BIN)/python -m bench.log

bench-api: $(STAMP) ## Measure the gateway beside its floors (docs/performance.md), some minutes
	@PYTHONPATH=tests $(BIN)/python -m bench.api

lint: $(STAMP) ## Check style, format, types and the import rules; silent when all is well
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary $(CODE)
	@words=$$($(BIN)/lint-imports --no-logo 2>&1) || { printf '%s\n' "$$words"; exit 1; }

format: $(STAMP) ## Format the code and mend what can be mended by machine
	@$(BIN)/ruff check --quiet --fix --exit-zero $(CODE)
	@$(BIN)/ruff format $(CODE)

lock: ## Write requirements.lock anew with the newest versions allowed (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	uv lock --quiet --upgrade
	uv export --quiet --all-packages --all-groups --no-emit-workspace --no-header --format requirements.txt \
		--output-file requirements.lock

clean: ## Remove the environment and caches; out/ and .baton/ (your data) stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Baton needs Python 3.11 or newer, and $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
		echo "Install it (Debian 12 and later: apt install python3 python3-venv), or name another one:" >&2; \
		echo "  make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) has no venv, which Baton installs itself with." >&2; \
		echo "Install it (Debian: apt install python3-venv), then run make $(MAKECMDGOALS) again." >&2; exit 1; }
	@if ! grep -qs "$(CURDIR)/.venv$$" .venv/pyvenv.cfg || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "Creating .venv"; $(PYTHON) -c '$(VENV)' --clear .venv; fi
	@echo "Installing what requirements.lock names (about a minute the first time)"
	@$(BIN)/python -m pip install -qq --no-input --require-hashes -r requirements.lock
	@echo "Installing Baton's own packages"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install -qq --no-input --no-deps --no-build-isolation \
		$(MEMBERS:%=-e %)
	@touch $@
