# The commands of this project; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A user on Linux without a GPU can name PyTorch's CPU index here; see the README.
TORCH_INDEX ?=
PIP_TORCH := $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX),)

.PHONY: help setup demo test check gate clean
help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.ready  ## virtual environment with everything in it

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_TORCH) torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: setup  ## crawl and audit the bundled demo product, write out/demo/scorecard.html
	$(BIN)/python run.py demo --out out/demo

check: setup  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check  ## lint, types and the whole test suite
	$(BIN)/python -m pytest

gate: setup  ## accuracy on corpora/bench against the pinned floors
	$(BIN)/python run.py bench accuracy --gate

clean:  ## remove what the commands made
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache
