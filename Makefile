# Each target makes .venv and installs what it needs first. `make help` lists them.
PYTHON  ?= python3
SEQ2SEQ := .venv/bin/seq2seq
READY   := .venv/installed
RUN      = runs/$(basename $(notdir $(CONFIG)))
MODEL   ?= $(RUN)/model
BENCHMARK ?= startup

train evaluate translate: CONFIG ?= configs/phrasebook.yaml
chat: CONFIG ?= configs/chat_english.yaml

# Trains CONFIG's model unless it is there, or MODEL names another; stdout and stdin are left alone.
trained = $(if $(findstring command,$(origin MODEL)),:,test -e $(RUN)/checkpoints/finished.json || \
	{ echo "no model of $(CONFIG) yet: training it first" >&2; \
	$(SEQ2SEQ) train --config $(CONFIG) >&2 </dev/null; })

.DEFAULT_GOAL := help
.PHONY: help train evaluate translate chat gradients test test-slow coverage check format benchmark peers study

help: ## list the targets
	@echo 'make TARGET [CONFIG=configs/x.yaml] [MODEL=runs/x/model] [ARGS="..."]'
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14

train: $(READY) ## train CONFIG (default: the phrasebook translator) and score it
	@$(SEQ2SEQ) train --config $(CONFIG) $(ARGS)

evaluate: $(READY) ## score MODEL on its test split; ARGS="--beam-size 5 --json"
translate: $(READY) ## translate the lines of stdin, or ARGS=file
chat: $(READY) ## talk to MODEL (default: the English chatbot)
evaluate translate chat:
	@$(trained)
	@$(SEQ2SEQ) $@ $(MODEL) $(ARGS)

gradients: $(READY) ## how far back a loss is felt; ARGS="--cell lstm --length 200"
	@$(SEQ2SEQ) inspect gradients $(ARGS)

test: $(READY) ## the tests that are quick; shapes are checked at each call
	@.venv/bin/pytest -q -n 2 -m "not slow" $(ARGS)

test-slow: $(READY) ## the tests that train
	@.venv/bin/pytest -q -m slow $(ARGS)

# Tracing the shape checks too would take as long again as all the tests.
coverage: $(READY) ## the lines that the quick tests reach; shapes are not checked
	@.venv/bin/pytest -q -n 2 -m "not slow" --jaxtyping-packages= --cov --cov-report=term \
		--cov-fail-under=90 $(ARGS)

check: $(READY) ## format, lint, docstrings, types, layers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: $(READY) ## mend what can be mended
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

benchmark: $(READY) ## BENCHMARK=NAME of benchmarks/ (default: startup); ARGS="... --json"
	@.venv/bin/python -m benchmarks.$(BENCHMARK) $(ARGS)

peers: ## OpenNMT-py, JoeyNMT and CTranslate2 in .peers, for the benchmarks to measure beside
	@$(PYTHON) -m benchmarks.install_peers $(ARGS)

study: $(READY) ## every cell with and without attention, in one table; 2 hours
	@.venv/bin/python -m benchmarks.study $(ARGS)

$(READY): pyproject.toml constraints.txt
	@echo "installing into .venv (once; a minute or two)" >&2
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv >&2
	@.venv/bin/pip install -q --disable-pip-version-check -c constraints.txt -e ".[insight,chitchat,dev]" >&2
	@touch $@
