# `make check` is what CI runs.
.PHONY: check lint test slow format bench docs

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy

test:
	pytest -n auto

slow:
	pytest -n auto -m slow

format:
	ruff format .
	ruff check --fix .

bench:
	python benchmarks/run.py

docs:
	sphinx-build -W --keep-going -b html docs docs/_build/html
