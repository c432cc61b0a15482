"""Adjusted p-values against R's p.adjust: five families, five methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoint_eval.models import adjust_p_values

FAMILIES: dict[str, Any] = json.loads(
    Path(__file__).with_name("multiplicity.json").read_text(encoding="utf-8")
)
NAMES = sorted(set(FAMILIES) - {"source"})


@pytest.mark.parametrize("method", ["holm", "hochberg", "hommel", "bonferroni", "bh"])
@pytest.mark.parametrize("name", NAMES)
def test_adjusted_p_values_equal_r(name: str, method: str) -> None:
    """Products and minima of 15 numbers at most: rounding alone, as fifteen digits are stored."""
    found = adjust_p_values(FAMILIES[name]["p"], method=method)
    np.testing.assert_allclose(found, FAMILIES[name]["adjusted"][method], rtol=1e-13)
