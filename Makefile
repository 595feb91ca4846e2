PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test e2e soak lint fmt bench docs lock clean

setup: $(VENV)/.ready  ## make .venv/ with the project and its tools in it

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev,agent,notify]'
	touch $@

run: setup  ## run the churn flow
	$(BIN)/python flows/churn_flow.py

PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

test: setup  ## tests without agents, browser and whole runs
	$(PYTEST) -m "not e2e and not soak"

e2e: setup  ## tests with agents, a browser and whole runs
	$(PYTEST) -m e2e

soak: setup  ## long tests of crashes and load
	$(BIN)/python -m pytest -m soak

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: setup  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## print what a run costs beside a bare script, and a command in a full registry beside a small one
	$(BIN)/python benchmarks/flow_overhead.py
	$(BIN)/python benchmarks/registry_scale.py

docs: setup  ## write the generated pages
	$(BIN)/python docs/api_coverage.py docs/api-coverage.md
	$(BIN)/python docs/reference.py docs

lock: setup  ## write docker/constraints.txt: what .venv/ has, for the image of agents
	$(BIN)/python -m clearml_flows.server.constraints docker/constraints.txt

clean:  ## remove what the other targets made (not .flows/, which holds runs)
	rm -rf $(VENV) dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
