# `make` alone lists the targets. Each of them first installs what it needs and is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: Debian packages, and Python packages into .venv
	@config/setup/setup.sh

run: setup ## start the gateway with a sandbox around it: SIP edge, mail server, text carrier, telephones, a page
	@exec .venv/bin/contact-gateway sandbox up

test: setup ## run all tests
	@.venv/bin/pytest --quiet --numprocesses 3 --dist loadfile

check: setup ## formatting, lint, types, import rules, and what files and documents say
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest --quiet tests/test_architecture.py tests/test_dependencies.py tests/test_documents.py

bench: setup ## run each benchmark in turn
	@set -e; for file in tests/bench/[a-z]*.py; do echo "bench: $$file"; PYTHONPATH=. .venv/bin/python "$$file"; done

format: setup ## put the code into its one format, and mend what lint can mend
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

clean: ## remove everything that set-up, runs and tests have made here, the sandbox's data too
	rm -rf .venv .setup var build *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
