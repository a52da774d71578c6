# One word each; `make help` lists them. Everything is installed into .venv, at the versions of constraints.txt.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SILENT:

.PHONY: help demo test slt fuzz simulated-gpu tpch tpcds ucx chaos check check-gpu types format bench docs lock clean

VENV := .venv
GPU_VENV := .venv-gpu
BIN := $(VENV)/bin
# What mypy sees: the package and nothing beside it, or the room io/ would stand for the standard library's io.
TYPED := $(VENV)/typed
# Material for MkDocs would otherwise advertise its successor on each build.
export NO_MKDOCS_2_WARNING := 1
# The first interpreter that is new enough; `make PYTHON=/path/to/python test` chooses another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	command -v $$name >/dev/null 2>&1 || continue; \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

# What `make simulated-gpu` runs. Left out: what tests the CPU's own decoder and the figures of its scans.
SIMULATED := tests/engine/catalogue tests/engine/frame tests/engine/test_random_plans.py tests/engine/test_windows.py \
	tests/engine/test_edge_tables.py tests/engine/test_wide_tables.py tests/engine/test_untyped_nulls.py tests/sql \
	--ignore tests/engine/frame/test_device_arrays.py --ignore tests/sql/shell --ignore tests/sql/test_gpu.py --ignore tests/sql/test_tpcds.py -k "not cluster"

help: ## list these targets
	grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' \
		| while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.demo ## install, run the demo job on the data shipped here, say where its report is
	$(BIN)/volley demo

test: $(VENV)/.dev ## install, run the tests in a process for each core, or in N=1 process
	$(BIN)/python -m pytest -n $(or $(N),auto) --dist worksteal

slt: $(VENV)/.dev ## run logic tests: our own, or FILES='dir one.test' with OPTIONS=--help for more
	$(BIN)/python -m tests.slt $(OPTIONS) $(FILES)

fuzz: $(VENV)/.dev ## compare N=1000 random queries from SEED=0 on with DuckDB
	$(BIN)/python -m tests.sql.fuzz -n $(or $(N),1000) --seed $(or $(SEED),0)

simulated-gpu: $(VENV)/.dev ## run property, logic and SQL tests on the simulated GPU (half an hour)
	$(BIN)/python -m tests.slt --device gpu-simulated --timeout 120
	VOLLEY_TEST_DEVICE=gpu-simulated $(BIN)/python -m pytest -q $(SIMULATED)

tpch: $(VENV)/.dev ## compare the 22 TPC-H queries with DuckDB at scale factor 1 (slow)
	$(BIN)/python -m pytest -m slow tests/sql/test_tpch.py

tpcds: $(VENV)/.dev ## compare the 99 TPC-DS queries with DuckDB at scale factor 1 (slow)
	$(BIN)/python -m pytest -m slow tests/sql/test_tpcds.py

ucx: $(VENV)/.dev ## install UCX (300 MB) and run the cluster's tests over it
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[ml,cluster,dev]'
	VOLLEY_TEST_PROTOCOL=ucx $(BIN)/python -m pytest -m 'ucx or cluster' tests/engine/runners/dask

chaos: $(VENV)/.dev ## kill N=200 workers at random under TPC-H at scale factor 1, from SEED=0 on
	$(BIN)/python -m tests.engine.runners.dask.chaos -n $(or $(N),200) --seed $(or $(SEED),0)

check: $(VENV)/.dev ## format, lint, types, import contracts, dead code, docs and their snippets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) types
	$(BIN)/lint-imports --no-cache
	$(BIN)/vulture
	$(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m pytest -q tests/docs

types: $(VENV)/.dev ## mypy --strict alone
	mkdir -p $(TYPED) && ln -sfn $(CURDIR)/volley $(TYPED)/volley
	cd $(TYPED) && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache -p volley

check-gpu: $(GPU_VENV)/.made ## types and tests of the GPU device against RAPIDS' own wheels (1.5 GB; needs no GPU)
	mkdir -p $(TYPED) && ln -sfn $(CURDIR)/volley $(TYPED)/volley
	cd $(TYPED) && $(CURDIR)/$(GPU_VENV)/bin/mypy --config-file $(CURDIR)/pyproject.toml --python-version 3.12 \
		--cache-dir $(CURDIR)/.mypy_cache/gpu -p volley.engine.kernels.gpu
	$(GPU_VENV)/bin/python -m pytest -q tests/engine/kernels/simulator tests/engine/kernels/gpu

format: $(VENV)/.dev ## let ruff format and sort
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure against the installed rivals (minutes)
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev ## build the documentation into site/
	$(BIN)/mkdocs build --strict
	echo "open site/index.html"

lock: $(VENV)/.dev ## resolve constraints.txt and constraints-gpu.txt anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header \
		--extra ml --extra cluster --extra dev pyproject.toml --output-file constraints.txt
	sed -i -E "s/ (;|and) sys_platform == 'linux'$$//" constraints.txt
	$(BIN)/uv pip compile --quiet --upgrade --python-version 3.12 --python-platform x86_64-manylinux_2_28 --no-annotate \
		--no-header --extra gpu --extra gpu-bench --extra dev pyproject.toml --output-file constraints-gpu.txt

clean: ## remove what builds, tests and demos leave (not .venv)
	rm -rf build dist site volley-demo-out *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find volley engine sql io ml deploy tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# uv installs in seconds; pip reads a pip.conf, so it is asked where uv finds no index.
define install
	echo "installing volley-engine[$(1)] into $(VENV)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(1)]' \
		|| $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$(1)]'
	touch $@
endef

$(VENV)/.made:
	test -n "$(PYTHON)" || { echo "Volley needs Python 3.11 or newer; install it or pass PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,ml)

# The development install holds all that the demo needs, so a later `make demo` installs nothing.
$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,ml$(comma)dev)
	touch $(VENV)/.demo

# RAPIDS beside all that the tests need: what the GPU device is written against, on a machine with or without one.
$(GPU_VENV)/.made: pyproject.toml constraints.txt
	test -x $(GPU_VENV)/bin/python || $(PYTHON) -m venv $(GPU_VENV)
	$(GPU_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	echo "installing volley-engine[ml,dev,gpu-check] into $(GPU_VENV)"
	$(GPU_VENV)/bin/uv pip install --quiet --python $(GPU_VENV)/bin/python -c constraints.txt -e '.[ml,dev,gpu-check]' \
		|| $(GPU_VENV)/bin/python -m pip install --quiet -c constraints.txt -e '.[ml,dev,gpu-check]'
	touch $@

comma := ,
