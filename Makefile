# Two commands on a fresh machine: `make demo` and `make test`. Everything else is for people who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AUDIT := $(BIN)/audit
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
OUT := audit-reports

.PHONY: demo test check check-full detection corpus docs fixtures genuine reports versions clean help

help: ## What each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# torch comes by pip (where a CPU wheel may be configured); the rest by uv, which is fast, or by pip without it.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install uv || true
	$(PIP) install "$$(grep '^torch==' constraints.txt)"
	if test -x $(BIN)/uv; then \
	  $(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[rerun,tables,dev]'; \
	else $(PIP) install -c constraints.txt -e '.[rerun,tables,dev]'; fi
	touch $@

demo: $(VENV)/.installed ## Compare the real case, then compare and rerun the honest tiny one; writes two HTML pages
	@mkdir -p $(OUT)
	@echo "== 1. The case that started this: main...caost-test-2, two branches without common history"
	@$(AUDIT) compare main caost-test-2 --repo fixtures/seed/repo.bundle --output html=$(OUT)/seed.html; \
	  code=$$?; test $$code -eq 1 || { echo "expected exit 1 (findings), got $$code"; exit 1; }
	@echo
	@echo "== 2. An honest QLoRA repository, its training rerun on this machine"
	@$(AUDIT) compare main candidate --repo fixtures/tiny/repo.bundle --rerun \
	  --base fixtures/tiny/base --data fixtures/tiny/data/train.jsonl --output html=$(OUT)/tiny.html
	@echo
	@echo "Exit 1 (do not merge yet) and exit 0 (reproduced), as they should be. The pages:"
	@echo "  $(CURDIR)/$(OUT)/seed.html"
	@echo "  $(CURDIR)/$(OUT)/tiny.html"

# Files are shared among up to four processes; a file's tests stay together, because they share what was trained for them.
test: $(VENV)/.installed ## All tests, the rerun's included
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

check: $(VENV)/.installed ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

detection: $(VENV)/.installed ## Train honest and falsified runs and judge each: nobody accused falsely, nobody missed
	$(BIN)/python -m benchmarks.detection --jobs 2

check-full: check test detection ## Everything that a release needs

corpus: $(VENV)/.installed ## Audit an archive of real repositories: make corpus CORPUS=path/to/open.tar.xz
	$(BIN)/python benchmarks/corpus.py $(CORPUS)

fixtures: $(VENV)/.installed ## Rebuild fixtures/ (trains the tiny run; bytes of events and bundles change)
	$(BIN)/python fixtures/build.py

docs: $(VENV)/.installed ## Regenerate docs/rules.md from the docstrings of the rules
	$(AUDIT) explain --all --format markdown > docs/rules.md

genuine: $(VENV)/.installed ## Train honest runs with older releases too and audit each (an hour; needs uv)
	$(BIN)/python tests/genuine/releases.py

reports: $(VENV)/.installed ## Regenerate the sample reports in reports/
	$(BIN)/python reports/build.py

versions: $(VENV)/.installed ## Read every release of peft and transformers anew: tables of keys, schemas; and prove that each draws the same seeds
	$(BIN)/python fixtures/versions/build.py
	$(BIN)/python fixtures/versions/dates.py
	$(BIN)/python fixtures/versions/measure_seeds.py

clean: ## Remove what the targets made
	rm -rf $(VENV) $(OUT) .mypy_cache .ruff_cache .pytest_cache
