"""Strata whose covariates lie far apart: a constant within a stratum cancels, whatever its size."""

import numpy as np
import pytest

from checkpoint_eval.models import RiskSets, cox_regression


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("shift", [1.0, 300.0, 3000.0])
def test_a_constant_within_a_stratum_changes_nothing(shift: float, ties: str) -> None:
    """It must neither overflow the exponential nor cost the information its digits."""
    rng = np.random.default_rng(5)
    n = 200
    stratum = np.arange(n) % 3
    x = rng.normal(size=n)
    time = np.ceil(rng.exponential(np.exp(-0.5 * x)) * 10)
    event = rng.random(n) < 0.7

    def fit(values: np.ndarray) -> tuple[float, float, float]:
        sets = RiskSets.of(values[:, None], time, event, stratum=stratum)
        found = cox_regression(sets, ties=ties, robust=True)  # type: ignore[arg-type]
        assert found.robust is not None
        return float(found.coef[0]), float(found.covariance[0, 0]), float(found.robust[0, 0])

    # Subtracting numbers near `shift` leaves about 1e-16 · shift of rounding in the covariate.
    assert fit(x + shift * stratum) == pytest.approx(fit(x), rel=1e-10)
