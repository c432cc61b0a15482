"""Ordinal odds ratios and interactions against plain second implementations."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from slow_subgroups import brant, cochran, proportional_odds

import checkpoint_eval as ce
from checkpoint_eval.models.ordinal import ordinal_odds_ratio, proportional_odds_test
from checkpoint_eval.models.subgroups import subgroup_effects


def people(seed: int, n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm, age = np.arange(n) % 2, rng.integers(18, 60, n)
    harm = np.digitize(-0.6 * arm + 0.03 * (age - 40) + rng.logistic(size=n), [-0.5, 0.5, 2])
    return pd.DataFrame(
        {"arm": arm, "age": age, "harm": harm, "band": np.array(list("abc"))[rng.integers(0, 3, n)]}
    )


def read(frame: pd.DataFrame) -> ce.Trial:
    return ce.Trial.from_frame(
        frame.assign(some=frame["harm"] > 0),
        arm="arm",
        control=0,
        covariates=["age", "band"],
        numeric={"grade": "harm"},
        binary={"some": "some"},
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("adjust", [(), ("age",)])
def test_ordinal(seed: int, adjust: tuple[str, ...]) -> None:
    frame = people(seed)
    columns = [frame["arm"], *((frame[name] - 40) / 10 for name in adjust)]
    rows = np.column_stack(columns).astype(float)
    found = ordinal_odds_ratio(read(frame), outcome="grade", adjust=adjust)
    value, error = proportional_odds(frame["harm"].tolist(), rows)
    # A simplex stops where the likelihood no longer moves: half of double precision.
    assert np.log(found.value) == pytest.approx(value, abs=2e-6)
    # Its Hessian is of second differences with steps of a thousandth.
    assert found.std_error == pytest.approx(error, rel=1e-5)
    test = proportional_odds_test(read(frame), outcome="grade", adjust=adjust)
    # Newton's method in both.
    assert test.statistic == pytest.approx(brant(frame["harm"].tolist(), rows), rel=1e-7)


@pytest.mark.parametrize("effect", [ce.risk_difference, ce.odds_ratio])
def test_interaction(effect: object) -> None:
    found = subgroup_effects(
        read(people(3)),
        effect=partial(effect, outcome="some"),  # type: ignore[arg-type]
        by=["band", "age"],
        cuts={"age": [30, 45]},
    )
    for each in found.subgroups:
        assert each.interaction.df == 2
        y = [one.value for one in each.effects]
        if found.overall.scale == "ratio":
            y = [float(np.log(one)) for one in y]
        errors = [one.std_error for one in each.effects]
        # The same sum in another order.
        assert each.interaction.statistic == pytest.approx(cochran(y, errors), rel=1e-10)
