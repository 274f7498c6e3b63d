# The verbs of segue. Each one installs what it needs first: `make test` works in a fresh clone.
#
#   make setup        a virtual environment in .venv with segue and its development tools
#   make native       the library of native kernels of this tree, into src/segue/kernels
#   make demo         train and evaluate a classifier on real data, from nothing
#   make test         every test            make test-quick   those that take less than two minutes
#   make test-portable  the arithmetic as on older processors
#   make sanitize     the native kernels with sanitizers    make test-arm   and on an emulated ARM
#   make browser      the browser that the tests of the studio open, where this user may install it
#   make slurm-test   studies on a real Slurm, which is installed where this user may
#   make check        format, lint, types   make docs         run the examples, build the site
#   make bench        segue beside its peers, by turns, into bench/results.md (two hours)
#   make clean        remove what the tools leave behind
#   make wheel        sdist and wheel in dist/, installed in a bare environment and used there
#   make recipes      whole systems on real data, with their figures and pictures in runs/recipes
#   make recipes-quick  the same on a little data

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

# Data sets of the developers; tests that need one that is not there are skipped with a message.
ifneq ($(wildcard ../shared/data),)
export SEGUE_DATA ?= $(abspath ../shared/data)
endif

RECIPES := $(sort $(wildcard recipes/*.py))
CORES := $(shell getconf _NPROCESSORS_ONLN)
SHELL := /bin/bash

.PHONY: setup native sanitize test-arm demo test test-quick test-portable slurm-test browser check format bench docs site wheel clean recipes recipes-quick
.DEFAULT_GOAL := setup

setup: $(STAMP) native

# Always with constraints.txt: it keeps torch at a version that has a small CPU build.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Where it cannot be built, segue computes without it, and `segue info` says so.
native:
	@cmake -S native -B build/native -DSEGUE_DESTINATION=$(CURDIR)/src/segue/kernels >/dev/null && \
	  cmake --build build/native --parallel $(CORES) >/dev/null && \
	  cmake --install build/native >/dev/null || \
	  echo "The native library was not built; segue computes without it."

demo: $(STAMP) native
	$(BIN)/segue fit japanese-vowels --time-limit 30s

# A process for each processor; each computes with one thread. What one compiles the next one loads,
# also where the shell keeps Python from writing such files.
# They write thousands of small files: in memory, where there are 4 GB for it.
SHARED_MEMORY := $(shell df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000 {print "/dev/shm"}')
TEMPORARY := $(if $(SHARED_MEMORY),PYTEST_DEBUG_TEMPROOT=$(SHARED_MEMORY))
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(TEMPORARY) \
  $(BIN)/python -m pytest -n auto --dist worksteal

test: $(STAMP) native
	$(PYTEST) -m "not slurm"

test-quick: $(STAMP) native
	$(PYTEST) -m "not slow"

# Which kernels PyTorch and segue take, and with them the last bits of what they compute, depends on
# the processor. So the arithmetic is tested as on the oldest too, and PyTorch's kernels as on one
# with AVX2, the most usual; where the processor has less than that, PyTorch takes what there is.
# What predicts without the native library, and through PyTorch, keeps the same promises.
OLDEST := SEGUE_KERNELS=portable ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
test-portable: $(STAMP) native
	$(OLDEST) $(PYTEST) tests/kernels tests/contract
	$(AVX2) $(PYTEST) tests/kernels
	SEGUE_KERNELS=numpy $(PYTEST) -m "not slow" tests/contract
	SEGUE_KERNELS=torch $(PYTEST) -m "not slow" tests/contract

# The C++ tests of the kernels, with what looks at memory and undefined behaviour on every path, and
# at threads, which are the same on all of them.
sanitize:
	cmake -S native -B build/sanitize -DSEGUE_SANITIZE=address,undefined >/dev/null
	cmake --build build/sanitize --parallel $(CORES) --target test_kernels test_training test_trainer >/dev/null
	build/sanitize/test_kernels 10
	build/sanitize/test_training 10
	build/sanitize/test_trainer 10
	cmake -S native -B build/threads -DSEGUE_SANITIZE=thread -DSEGUE_PORTABLE_ONLY=ON >/dev/null
	cmake --build build/threads --parallel $(CORES) --target test_kernels test_training test_trainer >/dev/null
	build/threads/test_kernels 10
	build/threads/test_training 3
	build/threads/test_trainer 10

# The same tests in a processor without the instructions of the others: the portable kernels.
# Where compiler and emulator are not installed and this user may not install them, it says so.
ARM := aarch64-linux-gnu
test-arm:
	command -v $(ARM)-g++ >/dev/null && command -v qemu-aarch64 >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	      g++-$(ARM) libc6-dev-arm64-cross qemu-user >/dev/null; } || true
	@if command -v $(ARM)-g++ >/dev/null && command -v qemu-aarch64 >/dev/null; then \
	  cmake -S native -B build/arm -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
	    -DCMAKE_CXX_COMPILER=$(ARM)-g++ >/dev/null && \
	  cmake --build build/arm --parallel $(CORES) --target test_kernels test_training test_trainer >/dev/null && \
	  for test in kernels training trainer; do \
	    qemu-aarch64 -L /usr/$(ARM) build/arm/test_$$test 10 || exit 1; done; \
	else echo "Skipped: there is no $(ARM)-g++ with qemu-aarch64, and this user may not install them."; fi

# A cluster of its own: a controller and two nodes on this machine, started and stopped by the tests.
# Where it is not installed and this user may not install it, they are skipped and say so.
slurm-test: $(STAMP)
	PATH=$$PATH:/usr/sbin command -v slurmctld >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge \
	      >/dev/null; } || true
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -p no:xdist -m slurm tests/cluster

# Chromium of the distribution: the tests of the studio open it, and say so where there is none.
browser:
	@command -v chromium >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium \
	      >/dev/null; } || echo "Chromium is not installed, and this user may not install it."

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) site
	$(PYTEST) src/segue tests/test_documents.py tests/test_public.py

# The documentation with search and docstrings: strict, and without a request to anywhere.
site: $(STAMP)
	$(BIN)/python docs/build.py

bench: $(STAMP) native
	$(BIN)/python bench/peers/run.py $(if $(BESIDE),--beside $(BESIDE))

# One a processor; each line that is printed says whose it is, the last one how long it took.
recipes: $(STAMP)
	$(MAKE) --no-print-directory -j$(CORES) $(RECIPES:%=run-%)

recipes-quick: $(STAMP)
	$(MAKE) --no-print-directory -j$(CORES) QUICK=--quick $(RECIPES:%=run-%)

run-recipes/%.py: $(STAMP)
	set -o pipefail; TIMEFORMAT='$*: took %0R s, %0U s of the processor'; \
	time $(BIN)/python -u recipes/$*.py $(QUICK) 2>&1 | sed -u 's/^/$*: /'

# Built, and installed where nothing else is: without extras what training gave is answered there to
# the bit, with the extra `train` it trains. Where there is no compiler it is installed without its
# library, and answers in NumPy. The packages have the versions that there are here.
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt -c build/wheel/versions.txt
wheel: $(STAMP) native
	rm -rf dist build/wheel && mkdir -p build/wheel/used
	$(BIN)/python -m build --quiet --outdir dist .
	$(BIN)/python -m pip freeze --exclude-editable | grep -v @ >build/wheel/versions.txt
	$(BIN)/python tests/bare.py save build/wheel/models
	SEGUE_KERNELS=numpy $(BIN)/python tests/bare.py save build/wheel/models-numpy
	$(PYTHON) -m venv build/wheel/core
	build/wheel/core/bin/python $(INSTALL) dist/*.whl
	build/wheel/core/bin/python tests/bare.py check build/wheel/models
	$(PYTHON) -m venv build/wheel/plain
	CC=/bin/false CXX=/bin/false build/wheel/plain/bin/python $(INSTALL) .
	build/wheel/plain/bin/python tests/bare.py check build/wheel/models-numpy
	build/wheel/core/bin/python $(INSTALL) "$$(echo dist/*.whl)[train]"
	cd build/wheel/used && ../core/bin/segue info && \
	  ../core/bin/segue fit japanese-vowels --network "gru(8)" --epochs 3 --out run && \
	  ../core/bin/segue predict run japanese-vowels --out answers.csv
	ls -l dist

clean:
	rm -rf src/segue/kernels/libsegue.native.* build dist site .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
