# One word for each chore. `make demo` and `make test` need only Python 3.11+ and the package registry.
PYTHON ?= python3
VENV ?= .venv
ROUNDS ?= 5
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow bench lint types check format clean

help:  ## list the chores
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing nnlab into $(VENV) ..." >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "installing what the tests need ..." >&2
	@$(PIP) --editable '.[test]'
	@touch $@

demo: $(VENV)/.installed  ## which fix works on the breast cancer table? (real data, 4 strategies, 20 seeds)
	$(BIN)/nnlab sweep configs/breast_cancer.yaml

test: $(VENV)/.installed-test  ## all tests but the slow ones
	$(BIN)/python -m pytest -n auto

test-slow: $(VENV)/.installed-test  ## the slow tests
	$(BIN)/python -m pytest -n auto -m slow

benchmarks/.venv/.installed: benchmarks/requirements.txt
	@test -x benchmarks/.venv/bin/python || $(PYTHON) -m venv benchmarks/.venv
	@echo "installing the peers into benchmarks/.venv ..." >&2
	@benchmarks/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

bench: $(VENV)/.installed benchmarks/.venv/.installed  ## nnlab beside scikit-learn, PyTorch and JAX (takes a while; ROUNDS=5)
	$(BIN)/python benchmarks/bench.py --rounds $(ROUNDS)

lint: $(VENV)/.installed-test  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## types
	$(BIN)/mypy

check: lint types test  ## everything that CI asks

format: $(VENV)/.installed-test  ## put the code into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and caches; runs/ stays
	rm -rf $(VENV) benchmarks/.venv .mypy_cache .ruff_cache .pytest_cache build dist
