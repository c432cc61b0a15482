# `make check` is what CI runs.
.PHONY: check lint test slow format bench

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy

test:
	pytest

slow:
	pytest -m slow

format:
	ruff format .
	ruff check --fix .

bench:
	python benchmarks/run.py
