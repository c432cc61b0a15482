"""What group-sequential designs and their looks refuse, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError
from checkpoint_eval.power import (
    GroupSequential,
    HaybittlePeto,
    HwangShihDeCani,
    KimDeMets,
    OBrienFleming,
    OBrienFlemingSpending,
    UserSpending,
    WangTiatis,
    assurance,
    at_information,
    conditional_power,
    estimate_at_stopping,
    forecast_events,
    operating_characteristics,
    predictive_power,
    reestimate_people,
    stopping_bounds,
)

NAN = float("nan")
PLAIN = GroupSequential(looks=3)
BOUNDS = stopping_bounds(PLAIN)


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [
        ({"looks": 0}, TrialError, "`looks` must be from 1 to 100 looks, got 0"),
        ({"looks": True}, TrialError, "`looks`"),
        ({"looks": 2.5}, TrialError, "whole number or list shares"),
        ({"looks": NAN}, TrialError, "`looks`"),
        ({"looks": "three"}, TrialError, "`looks` must list"),
        ({"looks": (0.5, 0.4, 1)}, ImpossibleDesign, "more than the one before"),
        ({"looks": (0.5, 0.5, 1)}, ImpossibleDesign, "more than the one before"),
        ({"looks": (0.0, 1)}, ImpossibleDesign, "each at least 0.0001"),
        ({"looks": (0.5, 0.9)}, ImpossibleDesign, "the last 1"),
        ({"looks": (50, 100)}, ImpossibleDesign, "divide by the planned information"),
        ({"looks": (NAN, 1)}, ImpossibleDesign, "`looks`"),
        ({"looks": ()}, TrialError, "one for each look"),
        ({"looks": ("a", 1)}, TrialError, "must be numbers"),
        ({"alpha": 0}, TrialError, "`alpha` must lie strictly"),
        ({"alpha": 5}, TrialError, "5 % is written 0.05"),
        ({"alpha": NAN}, TrialError, "`alpha`"),
        ({"power": 1}, TrialError, "`power`"),
        ({"power": NAN}, TrialError, "`power`"),
        ({"power": 0.04}, ImpossibleDesign, "must be above `alpha`"),
        ({"sided": 3}, TrialError, "`sided` must be 1 or 2, got 3"),
        ({"boundary": "OBF"}, TrialError, "boundary=OBrienFlemingSpending"),
        ({"boundary": OBrienFlemingSpending}, TrialError, "`boundary`"),
        ({"futility": "OBF", "sided": 1}, TrialError, "`futility` must be a spending function"),
        ({"futile_share": 0.1, "sided": 1}, ImpossibleDesign, "`futile_share` is of futility"),
        ({"futile_share": NAN, "futility": KimDeMets()}, TrialError, "`futile_share`"),
        ({"futile_share": 0.96, "futility": KimDeMets()}, ImpossibleDesign, "more than 1 − alpha"),
        (
            {"futile_share": 0.1, "futility": UserSpending(values=(0.1, 0.2, 0.3))},
            ImpossibleDesign,
            "more than futile_share = 0.1",
        ),
        ({"binding": True, "sided": 1}, ImpossibleDesign, "set `futility`"),
        (
            {"binding": True, "sided": 1, "futility": KimDeMets(), "boundary": OBrienFleming()},
            ImpossibleDesign,
            "`binding` changes what efficacy spends",
        ),
        (
            {"boundary": UserSpending(values=(0.01, 0.02, 0.06))},
            ImpossibleDesign,
            "spends 0.06 in all, more than alpha = 0.05",
        ),
        (
            {"boundary": UserSpending(values=(0.01, 0.05))},
            ImpossibleDesign,
            "give both the same `looks`",
        ),
        (
            {"sided": 1, "futility": UserSpending(values=(0.1, 0.2, 0.3))},
            ImpossibleDesign,
            "more than 1 - power = 0.2",
        ),
    ],
)
def test_designs(how: dict[str, Any], kind: type[TrialError], match: str) -> None:
    with pytest.raises(kind, match=match):
        GroupSequential(**({"looks": 3} | how))


class Falling:
    """A spending function that takes error back."""

    def spent(self, share: Any, *, alpha: float, sided: int = 1) -> Any:
        return alpha * (1 - np.asarray(share) / sided)


def test_spending_that_falls() -> None:
    with pytest.raises(ImpossibleDesign, match="must rise from look to look"):
        GroupSequential(looks=3, boundary=Falling())


def test_bounds_that_err_too_often() -> None:
    with pytest.raises(ImpossibleDesign, match="give a higher `z`"):
        stopping_bounds(GroupSequential(looks=5, boundary=HaybittlePeto(z=1.5)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: KimDeMets(rho=0), "`rho` must be a finite number above 0"),
        (lambda: KimDeMets(rho=NAN), "`rho`"),
        (lambda: HwangShihDeCani(gamma=NAN), "`gamma`"),
        (lambda: HwangShihDeCani(gamma=1000), "between -100 and 100"),
        (lambda: WangTiatis(delta=NAN), "`delta`"),
        (lambda: WangTiatis(delta=2), "between -1 and 1"),
        (lambda: HaybittlePeto(z=-3), "`z`"),
        (lambda: UserSpending(values=0.05), "`values` must list"),
        (lambda: UserSpending(values=()), "one for each look"),
        (lambda: UserSpending(values=(NAN, 0.05)), "never falling"),
        (lambda: UserSpending(values=(0.02, 0.01)), "never falling"),
        (lambda: UserSpending(values=(0.02, 1.5)), "below 1"),
        (lambda: UserSpending(values=(0.02, 0.05), looks=(0.2, 0.5, 1)), "one for each"),
        (lambda: UserSpending(values=(0.02, 0.05), looks=(0.7, 0.5)), "the one before"),
    ],
)
def test_boundaries(make: Any, match: str) -> None:
    with pytest.raises(TrialError, match=match):
        make()


@pytest.mark.parametrize(
    ("design", "observed", "how", "kind", "match"),
    [
        (PLAIN, [100, 90], {}, ImpossibleDesign, "must increase from look to look"),
        (PLAIN, [100, 100], {}, ImpossibleDesign, "must increase"),
        (PLAIN, [50, 100, 150, 200], {}, ImpossibleDesign, "4 looks and the design plans 3"),
        (PLAIN, [], {}, TrialError, "`observed` must be the information"),
        (PLAIN, [NAN], {}, TrialError, "`observed`"),
        (PLAIN, [-5], {}, TrialError, "above 0"),
        (PLAIN, ["many"], {}, TrialError, "`observed`"),
        (PLAIN, [250, 300], {}, ImpossibleDesign, "before the last look"),
        (PLAIN, [100], {"planned": 0}, TrialError, "`planned`"),
        (PLAIN, [100], {"planned": NAN}, TrialError, "`planned`"),
        (
            GroupSequential(looks=3, boundary=OBrienFleming()),
            [100],
            {},
            ImpossibleDesign,
            "planned `looks` only",
        ),
        ("OBF", [100], {}, TrialError, "`design` must be a `GroupSequential`"),
    ],
)
def test_information(
    design: Any, observed: Any, how: Any, kind: type[TrialError], match: str
) -> None:
    with pytest.raises(kind, match=match):
        at_information(design, observed, **({"planned": 240} | how))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: stopping_bounds("OBF"), "GroupSequential"),  # type: ignore[arg-type]
        (lambda: estimate_at_stopping(BOUNDS, z=NAN), "`z` must be a finite number"),
        (lambda: estimate_at_stopping(BOUNDS, z=2.0, look=4), "`look` is 4, and there are 3"),
        (lambda: estimate_at_stopping(BOUNDS, z=2.0, look=0), "`look` must be a whole number"),
        (lambda: estimate_at_stopping(BOUNDS, z=2.0, std_error=0), "`std_error`"),
        (lambda: estimate_at_stopping(BOUNDS, z=2.0, level=95), "95 % is written 0.95"),
        (lambda: estimate_at_stopping(PLAIN, z=2.0), "`stopping_bounds` or `at_information`"),  # type: ignore[arg-type]
        (lambda: conditional_power(BOUNDS, z=NAN, share=0.5), "`z`"),
        (lambda: conditional_power(BOUNDS, z=1), "say in `share`"),
        (lambda: conditional_power(BOUNDS, z=1, share=1), "a look to come"),
        (lambda: conditional_power(BOUNDS, z=1, share=0), "above 0"),
        (lambda: conditional_power(BOUNDS, z=1, share=NAN), "`share`"),
        (lambda: conditional_power(BOUNDS, z=1, share=0.5, effect="plan"), "`effect`"),  # type: ignore[arg-type]
        (lambda: conditional_power(BOUNDS, z=1, share=0.5, effect=NAN), "`effect`"),
        (lambda: predictive_power(BOUNDS, z=1, share=0.5, prior=(0, 0)), "`sd`"),
        (lambda: predictive_power(BOUNDS, z=1, share=0.5, prior=(NAN, 1)), "finite mean"),
        (lambda: assurance(BOUNDS, mean=NAN, sd=1, std_error=1), "finite mean"),
        (lambda: assurance(BOUNDS, mean=1, sd=1, std_error=NAN), "`std_error`"),
        (lambda: operating_characteristics(BOUNDS, drift=[NAN]), "`drift`"),
        (lambda: operating_characteristics(BOUNDS, drift=[[1.0]]), "`drift`"),
    ],
)
def test_questions(call: Any, match: str) -> None:
    with pytest.raises(TrialError, match=match):
        call()


def trial(entry: Any = None, event: Any = None) -> ce.Trial:
    n = 20
    frame = pd.DataFrame(
        {
            "arm": [0, 1] * (n // 2),
            "time": np.arange(1, n + 1),
            "event": [1, 0] * (n // 2) if event is None else event,
            "day": np.arange(n) % 2 * 0.5 if entry is None else entry,
            "harm": np.arange(n) % 2 * 1e-3,
        }
    )
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=0,
        covariates=["day"],
        times={"arrest": ("time", "event", "days")},
        binary={"any": "event"},
        numeric={"harm": "harm"},
    )


@pytest.mark.parametrize(
    ("made", "how", "kind", "match"),
    [
        ({}, {"people": 10}, ImpossibleDesign, "20 have entered"),
        ({}, {"targets": [0]}, TrialError, "`targets`"),
        ({}, {"targets": [NAN]}, TrialError, "`targets`"),
        ({}, {"rng": 1}, TrialError, "`rng`"),
        ({}, {"now": NAN}, TrialError, "`now`"),
        ({}, {"accrual": 0}, TrialError, "`accrual`"),
        ({}, {"follow_up": NAN}, TrialError, "`follow_up`"),
        ({}, {"dropout": -1}, TrialError, "`dropout`"),
        ({}, {"entered": "suite"}, TrialError, "suite"),
        ({"entry": range(30, 50)}, {}, InvalidData, "after `now`"),
        ({"event": [0] * 20}, {}, ImpossibleDesign, "no events of 'arrest' yet"),
    ],
)
def test_forecasts(made: Any, how: Any, kind: type[TrialError], match: str) -> None:
    usual: dict[str, Any] = {
        "outcome": "arrest",
        "entered": "day",
        "now": 20,
        "targets": [15],
        "people": 40,
        "rng": np.random.default_rng(1),
    }
    with pytest.raises(kind, match=match):
        forecast_events(trial(**made), **(usual | how))


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [
        ({"effect": 0}, TrialError, "`effect` must be a number other than 0"),
        ({"effect": NAN}, TrialError, "`effect`"),
        ({"effect": 0.9}, ImpossibleDesign, "does not fit the risk"),
        ({"assumed": NAN}, TrialError, "`assumed`"),
        ({"planned": 0}, TrialError, "`planned`"),
        ({"share": 1}, TrialError, "`share`"),
        ({"outcome": "arrest"}, TrialError, "see `forecast_events`"),
        ({"outcome": "harm", "effect": 5}, ImpossibleDesign, "cannot be so large"),
    ],
)
def test_reestimates(how: Any, kind: type[TrialError], match: str) -> None:
    usual: dict[str, Any] = {"outcome": "any", "planned": 100, "effect": -0.1, "assumed": 0.5}
    with pytest.raises(kind, match=match):
        reestimate_people(trial(), **(usual | how))
