# Everything here works on a fresh clone: each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-16s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv with the pinned versions (torch first, so that nothing else picks one)

$(READY): pyproject.toml setup.py constraints.txt tools/torchaudio_without_cuda.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install -q -e '.[dev]' -c constraints.txt
	$(BIN)/python -m pip install -q -e '.[quality]' -c constraints.txt || \
		echo "without a C compiler PESQ is left out, and with it STOI: all else works"
	$(BIN)/python tools/torchaudio_without_cuda.py
	touch $(READY)

demo: $(READY)  ## train on synthetic speech for five minutes and evaluate the codes
	$(BIN)/python -m wavenet_ae demo

bench: $(READY)  ## training speed against matrix products and an ordinary WaveNet (three minutes)
	$(BIN)/python benchmarks/training.py

bench-generate: $(READY)  ## samples a second of each engine, beside the full convolution
	$(BIN)/python benchmarks/generation.py

bench-packing: $(READY)  ## packing of many short files: files/s, memory (two minutes)
	$(BIN)/python benchmarks/packing.py

bench-monitors: $(READY)  ## what watching a run costs, monitor by monitor (two minutes)
	$(BIN)/python benchmarks/monitors.py

bench-busy: $(READY)  ## speed beside busy programs: training, threads adapted and not (four minutes)
	$(BIN)/python benchmarks/busy.py

bench-gpu: $(READY)  ## everything on one GPU: tests, speed, causality, a training (nine minutes)
	$(BIN)/python benchmarks/gpu.py --out outputs/bench/gpu

# Two processes, of which each takes over from the other what that has not begun.  They keep bytecode,
# even where the environment says not to: the many processes of the tests would compile everything again.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test: $(READY)  ## the quick tests (six to ten minutes on two cores)
	$(PYTEST) -m "not slow"

test-slow: $(READY)  ## the slow tests (14 to 25 minutes on two cores)
	$(PYTEST) -m "slow and not long"

test-long: $(READY)  ## what is shown now and then: many kills, all combinations (docs/results/long_proofs.md)
	$(PYTEST) -m long

INPUTS ?= 4000
SEED ?= 0
fuzz: $(READY)  ## read 4000 damaged files, each in a process of its own (ten minutes)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzz --inputs $(INPUTS) --seed $(SEED)

test-all: lint test test-slow  ## every check but the long ones: lint, types and tests

docs: $(READY)  ## build the documentation into site/, strictly and without the network
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: $(READY)  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)  ## format the code and sort its imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help setup demo bench bench-generate bench-packing bench-monitors bench-busy bench-gpu test test-slow test-long fuzz test-all \
	docs lint format
.DEFAULT_GOAL := help
