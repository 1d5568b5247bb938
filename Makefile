# What people who try or change sameshot need. Each target makes the environment it needs from nothing.
PYTHON ?= python3
BIN := .venv/bin
TRIAL := build/run
PHOTOS ?=

.PHONY: run test test-all bench bench-full check lock clean

# A trial: scans PHOTOS (or photos it draws) with the defaults and prints the groups. Its state stays in build/run,
# nothing is written beside the photos. Exit 1 of the scan means that some photos could not be read: they are listed.
run: .venv/serve.stamp
ifeq ($(PHOTOS),)
	@test -d $(TRIAL)/samples || $(BIN)/python tests/drawn.py $(TRIAL)/samples > /dev/null
	@$(MAKE) --no-print-directory run PHOTOS=$(TRIAL)/samples
else
	@$(BIN)/sameshot --state-dir $(TRIAL)/state scan "$(PHOTOS)" || test $$? -eq 1
	@$(BIN)/sameshot --state-dir $(TRIAL)/state groups "$(PHOTOS)"
endif

# Four at a time also on two processors: most of the time of a test is a service that comes up.
test: .venv/test.stamp
	$(BIN)/python -m pytest --numprocesses 4

test-all: .venv/test.stamp
	$(BIN)/python -m pytest -m "slow or not slow" --timeout 3600

# How well it groups, beside other tools, on photos that it makes (benchmarks/quality). SAMESHOT_PHOTOS=DIR adds yours.
bench: .venv/test.stamp
	$(BIN)/python benchmarks/quality/bench.py

# Hours: more photos, 20,000 distractors, 1,500 look-alikes, and what the service costs.
bench-full: .venv/test.stamp
	$(BIN)/python benchmarks/quality/bench.py --full
	$(BIN)/python benchmarks/service.py

check: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# requirements/*.txt: the tested versions with hashes. pip refuses hashes beside a local project: hence two installs.
.venv/serve.stamp: requirements/serve.txt pyproject.toml
	$(if $(wildcard .venv/test.stamp),,$(call environment,serve))
	@touch $@

.venv/test.stamp: requirements/test.txt pyproject.toml
	$(call environment,test)
	@touch $@

define environment
	@PYTHON="$(PYTHON)" sh requirements/preflight.sh
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$(1).txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
endef

# Needs uv (https://docs.astral.sh/uv) on PATH. Hashes and versions only, no addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/serve.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra all --group test pyproject.toml -o requirements/test.txt

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
