# Every target starts from nothing: it makes .venv with the first Python >= 3.11 it finds.
PORT ?= 8000
PY := .venv/bin/python
BENCH := .venv-bench/bin/python

.PHONY: demo test lint format docs matrix bench bench-quick faults soak clean

demo: .venv/.demo
	@$(PY) -m demo.serve --port $(PORT)

# Real servers on private ports in a temporary folder, for each of the processes that share the work; "ARGS=--db=sqlite"
# and the like go to pytest, "ARGS=-n0" keeps it in one process.
test: .venv/.dev
	@tools/mariadb $(PY)
	@tools/chromium
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

lint: .venv/.dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	.venv/bin/lint-imports

format: .venv/.dev
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Into build/docs; warnings are errors. (The code blocks of the documentation run in `make test`.)
docs: .venv/.docs
	@$(PY) -m sphinx -q -W --keep-going docs build/docs
	@echo "build/docs/index.html"

# The suite under each supported Python x Django; says which interpreters are not there.
matrix:
	@"$$(tools/find-python)" tools/matrix.py $(ARGS)

# drf-lanyard beside its peers, measured in one run: tables, benchmarks/results/latest.json and the plots of the docs.
# About ten minutes on a machine that does nothing else. "ARGS=--cases=crypto,http" and the like choose.
bench: .venv-bench/.ready
	@tools/wrk
	@$(BENCH) -m benchmarks $(ARGS)

# The same within a minute, noisier; writes benchmarks/results/quick.json.
bench-quick: .venv-bench/.ready
	@tools/wrk
	@$(BENCH) -m benchmarks --quick $(ARGS)

# A fleet under faults, judged; "make faults SEED=7" repeats a run. Results in build/faults.json.
faults: .venv/.dev
	@tools/mariadb $(PY)
	@$(PY) -m tests.faults run $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: .venv/.dev
	@tools/mariadb $(PY)
	@$(PY) -m tests.faults soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED)) $(ARGS)

# How long a revocation takes to reach 8 and 32 processes, and what fleets cost the database: benchmarks/results, docs/*.svg.
.PHONY: propagation
propagation: .venv/.dev
	@$(PY) -m benchmarks.propagation $(ARGS)
	@$(PY) -m benchmarks.scaling

clean:
	rm -rf .venv .venv-bench .matrix build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# --group (PEP 735) needs pip 25.1.
$(PY):
	@python="$$(tools/find-python)" && "$$python" -m venv .venv
	@$(PY) -m pip install -q --upgrade 'pip>=25.1'

.venv/.dev: pyproject.toml | $(PY)
	@$(PY) -m pip install -q -e . --group dev
	@touch $@ .venv/.demo

.venv/.docs: pyproject.toml | $(PY)
	@$(PY) -m pip install -q -e . --group docs
	@touch $@

.venv/.demo: pyproject.toml | $(PY)
	@$(PY) -m pip install -q -e . --group demo
	@touch $@

# An environment of its own: the peers never get into .venv.
$(BENCH):
	@python="$$(tools/find-python)" && "$$python" -m venv .venv-bench
	@$(BENCH) -m pip install -q --upgrade 'pip>=25.1'

.venv-bench/.ready: pyproject.toml benchmarks/setup.py | $(BENCH)
	@$(BENCH) -m pip install -q --upgrade -e . --group bench
	@$(BENCH) benchmarks/setup.py
	@touch $@
