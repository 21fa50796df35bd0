# make run    sets up what is missing, builds the firmware, classifies a digit on the emulated board
# make test   sets up what is missing, runs every test that `make test-long` does not name
# make help   the rest

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

# What the installed package is made of beyond Python files, which an editable install reads in place.
BUILT_FROM := pyproject.toml setup.py schema/mnist.fbs $(wildcard emu/renode_mnist/stm32f746/*.c)

.PHONY: help run setup test test-long bench-emulator lint format lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

run: setup
	@$(BIN)/renode-mnist run

# make setup  what `make run` needs, nothing more
setup: .venv/run.stamp

.venv/bin/python:
	@sh requirements/system.sh run
	@echo "Creating the virtual environment .venv"
	@$(PYTHON) -m venv .venv

.venv/packages.stamp: requirements/run.txt | .venv/bin/python
	@sh requirements/system.sh run
	@echo "Installing the Python packages of requirements/run.txt into .venv"
	@$(PIP) --require-hashes --requirement requirements/run.txt
	@touch $@

.venv/run.stamp: .venv/packages.stamp $(BUILT_FROM)
	@echo "Installing renode-mnist into .venv (editable)"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: requirements/test.txt requirements/no-deps.txt requirements/system.sh | .venv/run.stamp
	@sh requirements/system.sh test
	@echo "Installing the Python packages of requirements/test.txt into .venv (TensorFlow: 274 MB)"
	@$(PIP) --require-hashes --requirement requirements/test.txt
	@$(PIP) --require-hashes --no-deps --requirement requirements/no-deps.txt
	@touch $@

test: setup .venv/test.stamp lint
	@$(BIN)/python -m pytest -n 2 -m "not long"

# make test-long  the tests that take minutes
test-long: setup .venv/test.stamp
	@$(BIN)/python -m pytest -m long

# make bench-emulator  how fast the embedded emulator runs here, and what modelled cycles cost
bench-emulator: setup .venv/test.stamp
	@$(BIN)/python tests/emulator_speed.py

# make lint   ruff, mypy, clang-format
lint: setup .venv/test.stamp
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@git ls-files 'firmware/*.cpp' 'firmware/*.hpp' 'emu/*.c' | xargs $(BIN)/clang-format --dry-run --Werror

# make format puts all sources into form
format: .venv/test.stamp
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet
	@git ls-files 'firmware/*.cpp' 'firmware/*.hpp' 'emu/*.c' | xargs $(BIN)/clang-format -i

# make lock   rewrites requirements/*.txt from pyproject.toml
UV_COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--custom-compile-command "make lock"
lock: setup
	@$(PIP) uv
	@$(UV_COMPILE) pyproject.toml --extra embedded --group build -o requirements/run.txt
	@$(UV_COMPILE) pyproject.toml --extra embedded --extra train --group build --group test \
		-c requirements/run.txt -o requirements/test.txt
	@$(UV_COMPILE) --no-deps requirements/no-deps.in -o requirements/no-deps.txt

clean:
	rm -rf .venv build emu/renode_mnist/wire/_generated emu/renode_mnist.egg-info
