# `make repro` and `make test` each work alone on a fresh clone.
PYTHON ?= python3
VENV := .venv
FUZZ_EXAMPLES ?= 10000
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

help: ## show what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

repro: $(VENV)/.installed ## set up, then run the pipeline: data set, encoder, codes, scores, report
	$(RUN) dvc repro
	$(RUN) dvc metrics show
	@echo "Open the report in a browser: $(CURDIR)/reports/report.html"

test: $(VENV)/.installed-test $(VENV)/.browser ## set up, then run the tests
	$(RUN) python -m pytest --numprocesses auto --dist loadfile

test-slow: $(VENV)/.installed-test $(VENV)/.browser ## run the tests that take minutes
	$(RUN) python -m pytest -m slow

test-oldest: ## run the tests with the oldest versions of everything that pyproject.toml allows, in .venv-oldest
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --constraint constraints-oldest.txt --editable '.[test]'
	PATH="$(CURDIR)/.venv-oldest/bin:$$PATH" python -m pytest --numprocesses auto --dist loadfile

fuzz: $(VENV)/.installed-test ## feed every parser with mutated files, FUZZ_EXAMPLES times a test
	DISBENCH_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(RUN) python -m pytest tests/fuzz

lint: $(VENV)/.installed-test ## check style and types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

docs: $(VENV)/.installed-docs ## build the documentation into site/, without the internet
	$(RUN) NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

benchmark: $(VENV)/.installed ## measure training, encoding, conversion and metrics
	$(RUN) sh -c 'for file in benchmarks/*.py; do PYTHONPATH=src python "$$file" || exit 1; done'

clean: ## remove the environment and everything that a run made
	rm -rf $(VENV) .venv-oldest data/raw data/zarr data/run data/checkpoints reports/train reports/pictures reports/report.html .dvc/cache .dvc/tmp

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[report]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

# The browser in which the report is tested. GitHub's machines bring another of its family.
$(VENV)/.browser: $(VENV)/.installed-test
	@if ! { command -v chromium || command -v google-chrome; } >/dev/null || ! command -v chromedriver >/dev/null; then \
		if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
		$$as_root apt-get update --quiet && $$as_root apt-get install --quiet --yes chromium chromium-driver; \
	fi
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

.PHONY: help repro test test-slow test-oldest fuzz lint docs benchmark clean
