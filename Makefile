PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: bench check clean demo faults help lab test

demo: $(STAMP) ## Train on simple_spread, and say what came of it
	$(BIN)/python -m daf_nb.demo

# One thread per process: small networks slow down several-fold when threads compete for cores.
test: export OMP_NUM_THREADS := 1
test: $(STAMP) ## Run the tests, those in a browser, then every notebook
	$(BIN)/pytest -n $(JOBS) --dist worksteal --ignore=tests/browser $(PYTEST_ARGS) tests
	$(BIN)/pytest $(PYTEST_ARGS) tests/browser
	$(BIN)/pytest -n $(JOBS) --nbmake --nbmake-timeout=600 --timeout=0 $(PYTEST_ARGS) notebooks/

check: $(STAMP) ## Lint, formatting, types, import direction, clean notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

lab: $(STAMP) ## Open the notebooks in JupyterLab
	$(BIN)/jupyter lab --ServerApp.root_dir=. \
		--LabApp.default_url=/lab/tree/notebooks/01_first_run.ipynb

bench: $(STAMP) ## Measure throughput, learning, curricula, live control and reading, beside the peer
	$(BIN)/python bench/throughput.py
	$(BIN)/python bench/scaling.py
	$(BIN)/python bench/learning.py
	$(BIN)/python bench/curriculum.py
	$(BIN)/python bench/control.py
	$(BIN)/python bench/overhead.py
	$(BIN)/python bench/records.py
	$(BIN)/python bench/experiment.py

faults: $(STAMP) ## Inject every fault, and print what came of each
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore bench/faults.py

clean: ## Remove caches and build leftovers; .venv and runs/ stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache
	find . -path ./.venv -prune -o -path ./runs -prune -o \
		-type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} +

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is touched last: a failed or interrupted install is repeated, not trusted.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || command -v $(PYTHON) >/dev/null || \
		{ echo "No interpreter '$(PYTHON)'. Set one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python && python=$(BIN)/python || python="$(PYTHON)"; \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "daf_nb needs Python 3.11 or newer; '$$python' is $$($$python --version 2>&1)." \
			"Remove an outdated .venv, or set another: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@
