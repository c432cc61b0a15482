"""One evaluation of the demonstration trial, shared: it is read-only."""

import pytest

import checkpoint_eval as ce


@pytest.fixture(scope="session")
def evaluation() -> ce.Evaluation:
    return ce.evaluate(ce.load_rossi())
