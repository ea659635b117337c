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

TEMPLATES := out/templates

.PHONY: setup run test check test-long fuzz crash-test cluster-test servers oracles mutants bench bench-peers trainers-test trainers-resolve always docs lock wheel clean

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

test: $(READY) $(TEMPLATES)/.ready
	@.ci/preflight "$(BIN)/python"
	@$(BIN)/python -m pytest -m "not long"

test-long: $(READY) $(TEMPLATES)/.ready
	@$(MAKE) --no-print-directory oracles || echo "test-long: goes on without out/oracles" >&2
	@$(BIN)/python -m pytest -m long

# Another implementation of chat templates, in an environment of its own that also sees the packages of .venv.
ORACLES := out/oracles
oracles: $(ORACLES)/.ready

$(ORACLES)/.ready: tests/dialects/hf/oracles.txt | $(READY)
	@$(BIN)/python -m venv $(ORACLES)
	@$(BIN)/python -c "import site; print(site.getsitepackages()[0])" > "$$($(ORACLES)/bin/python -c "import site; print(site.getsitepackages()[0])")/venv.pth"
	@$(ORACLES)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Fetches the storage servers that `make test-long` starts; a test whose server is missing is skipped.
# Chat templates of real models, which the tests of the dialect hf read; they are not part of this repository.
$(TEMPLATES)/.ready: tests/dialects/hf/templates.txt | $(READY)
	@mkdir -p $(TEMPLATES)
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest $(TEMPLATES) -r $<
	@$(BIN)/python -m zipfile -e $(TEMPLATES)/trl-*.whl $(TEMPLATES)
	@touch $@

SERVERS := out/servers
MINICLUSTER := org.apache.hadoop:hadoop-client-minicluster:3.4.2 junit:junit:4.13.2 org.hamcrest:hamcrest-core:1.3

servers:
	@mkdir -p $(SERVERS)
	@GOBIN=$(abspath $(SERVERS))/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
	@npm install --silent --no-audit --no-fund --prefix $(SERVERS) azurite@3.37.0
	@for jar in $(MINICLUSTER); do mvn -q -B dependency:copy -Dartifact=$$jar -DoutputDirectory=$(abspath $(SERVERS))/hadoop || exit 1; done

cluster-test: $(READY)
	@$(BIN)/python -m pytest tests/cluster

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -m "not spark and not long"

crash-test: $(READY)
	@$(BIN)/python -m tests.crash --mistakes

# Fuzzing guided by coverage, in two processes, for MINUTES in total. Inputs that break something are kept in out/fuzz.
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz.campaign --minutes $(MINUTES)

# Changes the code in N random places, one at a time, and lists the changes that no quick test notices. The same SEED gives the same
# changes; ROOM=normalize changes that room only; OWN=1 runs only the tests of the room that was changed, which is faster.
mutants: $(READY)
	@$(BIN)/python -m tests.mutants -n $(N) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(if $(ROOM),--room $(ROOM)) $(if $(FILE),--file $(FILE)) $(if $(OWN),--own)

bench: $(READY)
	@$(BIN)/python -m tests.bench --spark $(SIZE)

# LLaMA-Factory needs other versions of the libraries, 7 GB in all, so it gets an environment of its own.
bench-peers: $(READY) out/peers/.ready
	@$(BIN)/python -m tests.bench --spark --peers --llama-factory out/peers/bin/python $(SIZE)

out/peers/.ready:
	@"$(PYTHON)" -m venv out/peers
	@out/peers/bin/python -m pip install --quiet --disable-pip-version-check llamafactory==0.9.5
	@touch $@

# Tiny models train on the demo's tables with real trainers. Each trainer has its own environment; together they are 15 GB, fetched once.
TRAINERS := out/trainers
TRAINER_TEST := -m pytest -p no:cacheprovider --confcutdir=tests/trainers

trainers-test: $(TRAINERS)/oldest/.ready $(TRAINERS)/hf/.ready $(TRAINERS)/llamafactory/.ready $(TRAINERS)/.demo
	@PYTHONPATH=. $(TRAINERS)/oldest/bin/python $(TRAINER_TEST) tests/trainers/test_oldest.py
	@PYTHONPATH=. $(TRAINERS)/hf/bin/python $(TRAINER_TEST) tests/trainers/test_hf_trainer.py tests/trainers/test_trl.py tests/trainers/test_training_page.py
	@PYTHONPATH=. $(TRAINERS)/llamafactory/bin/python $(TRAINER_TEST) tests/trainers/test_llamafactory.py

$(TRAINERS)/%/.ready: tests/trainers/requirements/%.txt
	@"$(PYTHON)" -m venv $(TRAINERS)/$*
	@echo "trainers: installing $*.txt (once)" >&2
	@$(TRAINERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The demo, published anew where the code that makes its tables has changed.
$(TRAINERS)/.demo: $(READY) $(shell find pipelines jobs conf -name '*.py' -o -name '*.yaml') $(if $(wildcard out/demo/runs),,always)
	@mkdir -p $(TRAINERS)
	@$(MAKE) --no-print-directory run
	@touch $@

# Can the training side be installed beside each trainer? CHECKOUTS=NAME:PYTHON:FILE also takes a trainer's own requirements.txt.
trainers-resolve: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m tests.trainers.resolve $(CHECKOUTS)

docs: $(READY)
	@$(BIN)/python -m pipelines.console.pages docs

# Writes requirements.lock anew. Versions that stand in it stay, unless pyproject.toml excludes them; UPGRADE=1 takes the newest of all.
lock:
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra pipeline --extra hub --extra dev --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements.lock

# The package as a wheel in out/dist/, and the exact versions of requirements.lock for `pip install --constraint`.
wheel: $(READY)
	@rm -rf build out/dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir out/dist .
	@sed -E -e '/^ +--hash/d' -e 's/ *\\$$//' requirements.lock > out/dist/constraints.txt
	@rm -rf build
	@ls out/dist/*

clean:
	rm -rf $(VENV) out
