# make run    sets up what is missing, builds the firmware, classifies a digit on the emulated board
# make test   sets up what is missing, runs every test that `make test-long` does not name
# make help   the rest

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

# What the installed package is made of beyond Python files, which an editable install reads in place.
BUILT_FROM := pyproject.toml setup.py distribution/backend.py schema/mnist.fbs \
	$(wildcard emu/renode_mnist/stm32f746/native/*.[ch])

.PHONY: help run setup engines test pytest test-long fuzz bench-emulator notebook notebook-test motions lint format docs-tables accuracy lock clean
.PHONY: mutants differential fuzz-python audit docs docs-test repository release-check release-prepare release-sources release-wheels release-files release-publish try-wheel
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

# make engines  what engine cmsis-nn needs beyond `make setup`; `make test` brings it by itself
engines: .venv/engines.stamp

NO_DEPS = $(PIP) --require-hashes --no-deps --requirement requirements/no-deps.txt
.venv/engines.stamp: requirements/no-deps.txt | .venv/run.stamp
	@echo "Installing the sources of CMSIS-NN into .venv"
	@$(NO_DEPS)
	@touch $@

.venv/test.stamp: requirements/test.txt requirements/no-deps.txt requirements/system.sh | .venv/run.stamp
	@sh requirements/system.sh test
	@echo "Installing the Python packages of requirements/test.txt into .venv (TensorFlow: 274 MB)"
	@$(PIP) --require-hashes --requirement requirements/test.txt
	@$(NO_DEPS)
	@touch .venv/engines.stamp $@

test: lint pytest

# A test that hangs, in C or in Python, ends its worker with the stacks of all threads, and xdist goes on and says in
# which test; the slowest took 148 s beside other work, for it makes a wheel with all its images.
HANGS = -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

# make pytest the tests of `make test` without its lint
pytest: setup .venv/test.stamp
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(HANGS) -m "not long"

# make test-ROOM  the tests of one room: test-wire, test-codegen, test-session ... (the folders of tests/)
test-%: setup .venv/test.stamp
	@test -d tests/$* || { echo "There is no room tests/$*. Rooms: $(filter-out support __pycache__,$(patsubst tests/%/.,%,$(sort $(wildcard tests/*/.))))"; exit 2; }
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(HANGS) -m "not long" tests/$*

# make docs-test  runs the commands of all pages, those too that take minutes or Renode, and holds what they say to the
#             pages; which are left out, and why, stands in the pages beside them
docs-test: setup .venv/test.stamp
	@$(BIN)/python -m pytest tests/docs

# make test-long  the tests that take minutes
test-long: setup .venv/test.stamp
	@$(BIN)/python -m pytest -m long

# make fuzz   libFuzzer on all that reads what comes over the firmware's lines, for FUZZ_SECONDS (600)
FUZZ_SECONDS ?= 600
FUZZ_CORPUS ?= build/fuzz/corpus
fuzz: setup
	@sh requirements/system.sh fuzz
	@cd firmware && PATH="$(CURDIR)/$(BIN):$$PATH" && cmake --preset fuzz && cmake --build --preset fuzz
	@$(BIN)/python firmware/host/fuzz_seeds.py $(FUZZ_CORPUS)
	build/fuzz/firmware-fuzz $(FUZZ_CORPUS) -max_len=8000 -len_control=0 -max_total_time=$(FUZZ_SECONDS) \
		-print_final_stats=1 -artifact_prefix=build/fuzz/

# make fuzz-python  damaged files of every kind that the package reads, and the committed models with tables changed, for
#             FUZZ_SECONDS (600) each
fuzz-python: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/outside_files.py --seconds $(FUZZ_SECONDS)
	@PYTHONPATH=tests/support $(BIN)/python tests/support/mutated_models.py --seconds $(FUZZ_SECONDS)

# make differential  random networks through all engines, LiteRT and TensorFlow Lite Micro for DIFFERENTIAL_SECONDS
#             (600); SEED=7 draws others
DIFFERENTIAL_SECONDS ?= 600
SEED ?= 1
differential: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/differential.py --seconds $(DIFFERENTIAL_SECONDS) --seed $(SEED)

# make mutants ROOM=wire  which changes of a room's sources its tests do not notice; rooms stand in
#             tests/support/mutants.toml, and what was killed is remembered (FRESH=1 forgets it)
MUTANTS = build/mutants/tools
mutants: setup .venv/test.stamp $(MUTANTS)/packages.stamp
	@$(MUTANTS)/bin/python tests/support/mutants.py $${ROOM:?wire, comparison, recording, elf, blocks, robot or planted} \
		$(if $(FRESH),--fresh)

$(MUTANTS)/packages.stamp: requirements/mutants.txt
	@$(PYTHON) -m venv $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements/mutants.txt
	@touch $@

# make bench-emulator  how fast the embedded emulator runs here, and what modelled cycles cost; BESIDE=FOLDER compares
#             with another checkout, built, in the same run
bench-emulator: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/stm32f746/emulator_speed.py $(if $(BESIDE),--beside $(BESIDE))

# make notebook  opens models/mnist.ipynb in JupyterLab
notebook: setup .venv/notebook.stamp
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) models/mnist.ipynb

.venv/notebook.stamp: requirements/notebook.txt .venv/test.stamp
	@echo "Installing the Python packages of requirements/notebook.txt into .venv"
	@$(PIP) --require-hashes --requirement requirements/notebook.txt
	@touch $@

# make notebook-test  runs models/mnist.ipynb from top to bottom on each target that needs no board, Renode where it is
#             installed (minutes; `make test-long` has it too)
notebook-test: setup .venv/test.stamp
	@$(BIN)/python -m pytest -m long tests/library/test_notebook.py

# make motions  trains the second example network anew (models/motions)
motions: setup .venv/test.stamp
	@$(BIN)/python -m pip download --quiet --no-deps --require-hashes --requirement requirements/motions.txt --dest build/motions
	@$(BIN)/python -m zipfile -e build/motions/aeon-*.whl build/motions
	@$(BIN)/python models/motions/train.py build/motions/aeon/datasets/data/BasicMotions

# make lint   what .pre-commit-config.yaml lists: sources, types, floors, notebook, workflows, container, changelog
lint: setup .venv/test.stamp
	@$(BIN)/pre-commit run --all-files

# make format puts all sources into form
format: .venv/test.stamp
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet
	@git ls-files 'firmware/*.cpp' 'firmware/*.hpp' 'emu/*.c' 'emu/*.h' | xargs $(BIN)/clang-format -i
	@$(BIN)/nbstripout --keep-id --extra-keys metadata.language_info models/mnist.ipynb

# make repository SLUG=owner/name  writes where this project lives wherever it is spelled
repository:
	@$(PYTHON) distribution/release.py repository "$${SLUG:?owner/name}"

# make release-prepare VERSION=1.2.3  names the version in changelog, citation and docs; commit that, then tag it v1.2.3
release-prepare:
	@$(PYTHON) distribution/release.py prepare "$${VERSION:?1.2.3}" "$${DATE:-$$(date +%F)}"

# The rest is what .github/workflows/release.yml calls, step by step; docs/release.md. TAG is read from the environment
# by the shell alone: make would expand what stands in it.
RELEASE := build/release-tools
IMAGES := build/prebuilt

release-check:
	@$(PYTHON) distribution/release.py check "$${TAG:-}"

$(RELEASE)/packages.stamp: requirements/release.txt
	@$(PYTHON) -m venv $(RELEASE)
	@$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements/release.txt
	@touch $@

# The images by the compiler of .venv's machine, and the sdist that all wheels are made from.
release-sources: setup $(RELEASE)/packages.stamp
	@$(BIN)/python -m renode_mnist.images.prebuild $(IMAGES)
	@rm -rf dist
	@$(RELEASE)/bin/python -m build --sdist --no-isolation --skip-dependency-check --outdir dist .

# In manylinux's container, where this machine's files are under /host.
release-wheels: $(RELEASE)/packages.stamp
	@RENODE_MNIST_PREBUILT="$(if $(filter Linux,$(shell uname)),/host)$(CURDIR)/$(IMAGES)" \
		$(RELEASE)/bin/cibuildwheel --archs native --output-dir dist dist/*.tar.gz

# make try-wheel  a plain installation of dist/'s sdist, with the images of build/prebuilt, and what it must do at once
TRY := build/try
try-wheel:
	@rm -rf $(TRY)
	@$(PYTHON) -m venv $(TRY)
	@RENODE_MNIST_PREBUILT="$(CURDIR)/$(IMAGES)" $(TRY)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-input dist/*.tar.gz
	@cd $(TRY) && bin/renode-mnist --version && bin/renode-mnist run --target embedded --expect 7
	@cd $(TRY) && bin/renode-mnist test --target embedded
	@cd $(TRY) && bin/renode-mnist bench --engines m7 --models int8 && bin/renode-mnist doctor

# Checks dist/, and writes the text and the other files of the release's page.
release-files: $(RELEASE)/packages.stamp
	@$(RELEASE)/bin/twine check --strict dist/*
	@$(RELEASE)/bin/check-wheel-contents dist/*.whl
	@$(PYTHON) distribution/page.py build/release/files --dist dist --images $(IMAGES) --tools $(RELEASE)/bin
	@$(PYTHON) distribution/release.py notes "$${TAG:-}" > build/release/notes.md

# By the identity of the workflow that runs it: there is no secret, and anywhere else it is refused.
release-publish: $(RELEASE)/packages.stamp
	@$(RELEASE)/bin/pypi-attestations sign dist/*.tar.gz dist/*.whl
	@$(RELEASE)/bin/twine upload --non-interactive --attestations dist/*

# make docs-tables  writes docs/operators.md, which is made of the operators' files, docs/peripherals.md, which is made of
#             the emulators' models, the tables of docs/engines.md, which are made of budgets, and the reference
#             (cli, keywords, api, json, messages), which is made of the package
docs-tables: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/operators_page.py
	@PYTHONPATH=tests/support $(BIN)/python tests/support/peripherals_page.py
	@PYTHONPATH=tests/support $(BIN)/python tests/support/compared_bench.py --page
	@PYTHONPATH=tests/support $(BIN)/python tests/support/made_pages.py

# make bench-networks  holds engines to their budgets on other networks than the article's (3 minutes); HOW=--update
#             writes them anew
HOW = --check
bench-networks: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/compared_bench.py $(HOW)

# make kernel-costs  what kernels of engine m7 take beside what the planner expects (20 minutes); LAYERS="3x3 float"
#             for some of the layers
kernel-costs: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/kernel_costs.py $(LAYERS)

# make accuracy  writes docs/accuracy.md, which is made of the published points (emu/renode_mnist/timing/points.toml)
accuracy: setup .venv/test.stamp
	@PYTHONPATH=tests/support $(BIN)/python tests/support/accuracy_page.py

AUDIT = build/audit
# make audit  asks PyPI which pinned packages have known vulnerabilities
audit: $(AUDIT)/packages.stamp
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		$(foreach list,run test notebook no-deps motions release audit docs mutants,--requirement requirements/$(list).txt)

$(AUDIT)/packages.stamp: requirements/audit.txt
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements/audit.txt
	@touch $@

DOCS = build/docs-tools
# make docs   the pages of docs/ as a site, in build/site; ends with an error where a link, an anchor or a page is wrong
docs: $(DOCS)/packages.stamp
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

$(DOCS)/packages.stamp: requirements/docs.txt
	@$(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement requirements/docs.txt
	@touch $@

# make lock   rewrites requirements/*.txt from pyproject.toml
UV_COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--custom-compile-command "make lock"
lock: setup
	@$(PIP) uv
	@$(UV_COMPILE) pyproject.toml --extra build --extra plots --extra renode --group build -o requirements/run.txt
	@$(UV_COMPILE) pyproject.toml --extra build --extra plots --extra renode --extra train --extra cluster --group build --group test \
		-c requirements/run.txt -o requirements/test.txt
	@$(UV_COMPILE) pyproject.toml --extra notebook --group build -c requirements/test.txt -o requirements/notebook.txt
	@$(UV_COMPILE) --no-deps requirements/no-deps.in -o requirements/no-deps.txt
	@$(UV_COMPILE) --no-deps requirements/motions.in -o requirements/motions.txt
	@$(UV_COMPILE) --group release --group build -o requirements/release.txt
	@$(UV_COMPILE) --group audit -o requirements/audit.txt
	@$(UV_COMPILE) --group docs -o requirements/docs.txt
	@$(UV_COMPILE) --group mutants -o requirements/mutants.txt

clean:
	rm -rf .venv build emu/renode_mnist/wire/_generated emu/renode_mnist.egg-info
