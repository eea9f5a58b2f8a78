# serve · site · test · lint · bench. Each does its own set-up, and only what changed since the last time.
#
#   make serve     build the site and serve it on http://127.0.0.1:8000 (PORT=8001 for another port)
#   make test      build the site and run every test, the browser's included
#   make site      build the site into site/
#   make lint      check style and types
#   make bench     measure what the site weighs, how fast a first Run answers, how fast the tokenizer is
#
# What it needs: git, make and Python 3.11 or newer (PYTHON=python3.12 chooses one). Everything else goes into
# .venv/ and web/node_modules/ of this folder; Node comes with a Python package.

PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv/bin/python

.PHONY: serve site test lint bench set-up browser

serve: set-up
	@$(VENV) -m web.serve --build --port $(PORT)

site: set-up
	@$(VENV) -m web.build

test: browser site
	@$(VENV) -m pytest

lint: set-up
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	$(VENV) -m web.node web/node_modules/typescript/bin/tsc --noEmit --project web

bench: browser site
	@$(VENV) -m web.bench

set-up browser:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "set-up: Python 3.11 or newer is needed and there is no $(PYTHON); install it, on Debian or Ubuntu with: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) web/set_up.py $(if $(filter browser,$@),--browser)
