# `make run` and `make test` set up everything first, once, and again only when the pinned versions change.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BATCH := 2026-11-22
MINUTES := 10
N := 100
JOBS := 1
PYTHON := $(firstword $(foreach name,python3.11 python3 python,$(shell command -v $(name) 2>/dev/null)))
export PYSPARK_PYTHON := $(abspath $(BIN)/python)

.PHONY: setup run test check test-long fuzz crash-test cluster-test mutants bench bench-peers docs lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@.ci/preflight "$(PYTHON)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@echo "setup: installing the pinned packages (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pipelines.spark.session.jars
	@$(BIN)/python -m pipelines.spark.session.class_archive $(VENV)/spark.jsa
	@touch $@

run: $(READY)
	@.ci/preflight "$(BIN)/python"
	@$(BIN)/python jobs/demo.py
	@$(BIN)/spark-submit --properties-file conf/local.conf jobs/run.py --config conf/demo.yaml --batch $(BATCH) --replace

test: $(READY)
	@.ci/preflight "$(BIN)/python"
	@$(BIN)/python -m pytest -m "not long"

test-long: $(READY)
	@$(BIN)/python -m pytest -m long

cluster-test: $(READY)
	@$(BIN)/python -m pytest tests/cluster

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -m "not spark and not long"

crash-test: $(READY)
	@$(BIN)/python -m tests.crash --mistakes

# Fuzzing guided by coverage, with two processes, for MINUTES in total. Inputs that break something are kept in out/fuzz.
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz.campaign --minutes $(MINUTES)

# Small changes of the code that no quick test notices: N tries, the same ones for the same SEED; ROOM=normalize keeps to one room,
# OWN=1 to the tests of the mutant's own room, which is quicker.
mutants: $(READY)
	@$(BIN)/python -m tests.mutants -n $(N) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(if $(ROOM),--room $(ROOM)) $(if $(FILE),--file $(FILE)) $(if $(OWN),--own)

bench: $(READY)
	@$(BIN)/python -m tests.bench --spark $(SIZE)

# LLaMA-Factory needs other versions of libraries, 7 GB in all, so it gets its own environment.
bench-peers: $(READY) out/peers/.ready
	@$(BIN)/python -m tests.bench --spark --peers --llama-factory out/peers/bin/python $(SIZE)

out/peers/.ready:
	@"$(PYTHON)" -m venv out/peers
	@out/peers/bin/python -m pip install --quiet --disable-pip-version-check llamafactory==0.9.5
	@touch $@

docs: $(READY)
	@$(BIN)/python -m pipelines.console.pages docs

lock:
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) out
