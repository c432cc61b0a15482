"""What complier effects, bounds and imputations refuse, and what they cannot answer."""

from __future__ import annotations

import warnings
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.models import (
    attrition_bounds,
    complier_average_effect,
    effects_by_analysis,
    multiple_imputation,
    override_dilution,
    risk_ratio,
    tipping_point,
)

ARM = [0] * 6 + [1] * 6
GOT = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0]
PLAIN = {
    "arm": ARM,
    "got": GOT,
    "any": [1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1],
    "harm": [5.0, 3, 8, 2, 9, 4, 1, 2, 6, 3, 2, 7],
    "week": [1, 4, 2, 9, 3, 5, 6, 9, 2, 9, 8, 4],
    "age": [20, 31, 25, 44, 37, 29, 22, 41, 33, 26, 38, 30],
    "same": [1] * 12,
    "site": list("ababababaabb"),
}


def read(received: str | None = "got", **more: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(PLAIN | more),
        arm="arm",
        control=0,
        received=received,
        factors=["age", "same", "site"],
        binary={"any": "any"},
        numeric={"harm": "harm"},
        times={"back": ("week", "any", "weeks")},
    )


def three_arms() -> ce.Trial:
    frame = pd.DataFrame({"arm": list("abcabcabc"), "y": range(9), "got": list("abcabcaba")})
    return ce.Trial.from_frame(
        frame, arm="arm", control="a", arms=("a", "b", "c"), received="got", numeric={"y": "y"}
    )


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"outcome": "ham"}, UnknownColumn, "outcome 'ham' is not known; did you mean 'harm'"),
        ({"outcome": "back"}, TrialError, "`horizon` is needed to read .*'back'"),
        ({"outcome": "any", "horizon": 4}, TrialError, "`horizon` is 4, but .*no clock"),
        ({"outcome": "back", "horizon": 99}, ImpossibleDesign, "beyond the follow-up"),
        ({"outcome": "back", "horizon": np.nan}, TrialError, "`horizon` must be a finite number"),
        ({"adjust": "aeg"}, UnknownColumn, "'aeg' is not known; did you mean 'age'"),
        ({"adjust": "same"}, ImpossibleDesign, "'same' is constant among the 12 people"),
        ({"adjust": "age", "strata": "age"}, TrialError, "stands in both `adjust` and `strata`"),
        ({"adjust": "age", "method": "wald"}, TrialError, "age is named .*method='2sls'"),
        ({"method": "iv"}, TrialError, "`method` is 'iv'; choose from 'wald', '2sls'"),
        ({"variance": "HC3"}, TrialError, "`variance` is 'HC3'; did you mean 'HC"),
        ({"interval": "ar"}, TrialError, "`interval` is 'ar'; choose from 'wald', 'anderson-rubin"),
        ({"level": 95}, TrialError, "`level` must lie strictly between 0 and 1"),
        ({"level": np.nan}, TrialError, "`level` must lie strictly between 0 and 1"),
        ({"analysis_set": "per-protocol"}, TrialError, "as randomised; use 'itt'"),
        ({"analysis_set": "as-treated"}, TrialError, "as randomised; use 'itt'"),
        ({"arm": "9"}, UnknownColumn, "treatment arm '9' is not known"),
    ],
)
def test_complier_effects_that_cannot_be_asked(how: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        complier_average_effect(read(), **({"outcome": "harm"} | how))


def test_what_was_received_must_be_known() -> None:
    for verb in (complier_average_effect, effects_by_analysis):
        with pytest.raises(TrialError, match="not recorded; name its column in `received`"):
            verb(read(received=None), outcome="harm")
    with pytest.raises(TrialError, match="not recorded; name its column in `received`"):
        override_dilution(read(received=None))
    nobody = read(got=[np.nan] * 6 + GOT[6:])
    with pytest.raises(ImpossibleDesign, match="nobody whose arm received is known"):
        complier_average_effect(nobody, outcome="harm")


def test_unknown_treatment_is_counted_as_missing() -> None:
    got = [np.nan, *GOT[1:11], np.nan]
    found = complier_average_effect(read(got=got), outcome="harm")
    assert (found.n, found.missing) == ((5, 5), (1, 1))
    assert "2 more left out" in repr(found)
    side = effects_by_analysis(read(got=got), outcome="harm")
    assert side.unknown == (1, 1)
    assert "unknown for 1 against 1, who count in the first row alone" in repr(side)
    assert [each.n for each in side.estimates] == [(6, 6), (4, 5), (4, 6), (5, 5)]
    assert "unknown" not in repr(effects_by_analysis(read(), outcome="harm"))
    without = {name: each[1:11] for name, each in (PLAIN | {"got": got}).items()}
    trial = ce.Trial.from_frame(
        pd.DataFrame(without), arm="arm", control=0, received="got", numeric={"harm": "harm"}
    )
    want = complier_average_effect(trial, outcome="harm")
    assert (found.value, found.std_error) == (want.value, want.std_error)


def test_repeated_events_are_no_number() -> None:
    from checkpoint_eval.outcomes import Episodes

    episodes = Episodes(
        people=12,
        person=np.arange(12),
        start=np.zeros(12),
        stop=np.full(12, 5.0),
        event=np.zeros(12, bool),
    )
    trial = ce.Trial(
        assignment=read().assignment, outcomes={"again": episodes}, received=read().received
    )
    for verb in (complier_average_effect, attrition_bounds, effects_by_analysis):
        with pytest.raises(TrialError, match=r"repeated events.*`reoffence_counts`"):
            verb(trial, outcome="again")


@pytest.mark.parametrize(
    ("got", "reason"),
    [
        ([0] * 12, "nobody complied"),
        ([1] * 12, "nobody complied"),
        ([0, 1] * 6, "nobody complied"),
    ],
)
@pytest.mark.parametrize("interval", ["wald", "anderson-rubin"])
def test_nobody_complies(got: list[int], reason: str, interval: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = complier_average_effect(read(got=got), outcome="harm", interval=interval)
    assert not found.estimable
    assert np.isnan([found.low, found.high, found.p_value, found.std_error]).all()
    assert f"not estimable: {reason}" in found.method
    assert found.n == (6, 6)


def test_other_things_that_leave_no_effect() -> None:
    flat = complier_average_effect(read(harm=[4.0] * 12), outcome="harm")
    assert "not estimable: no variation is left within arms" in flat.method
    apart = complier_average_effect(read(), outcome="harm", strata="age")
    assert "not estimable: no stratum holds both arms" in apart.method
    short = {name: each[4:8] for name, each in PLAIN.items()}
    trial = ce.Trial.from_frame(
        pd.DataFrame(short),
        arm="arm",
        control=0,
        received="got",
        factors=["age", "week"],
        numeric={"harm": "harm"},
    )
    few = complier_average_effect(trial, outcome="harm", adjust=["age", "week"])
    assert "not estimable: no degrees of freedom are left" in few.method


def test_a_weak_instrument_points_to_anderson_rubin() -> None:
    found = complier_average_effect(read(got=[0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]), outcome="harm")
    assert "below 10: a weak instrument, so use interval='anderson-rubin'" in found.method
    strong = complier_average_effect(read(), outcome="harm", strata=())
    assert ("weak" in strong.method) == ("below 10" in strong.method)
    other = complier_average_effect(
        read(got=[0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]), outcome="harm", interval="anderson-rubin"
    )
    assert "so use" not in other.method
    assert "weak instrument" in other.method
    assert (other.low, other.high) == (-np.inf, np.inf)


def test_an_analysis_without_people_does_not_end_the_table() -> None:
    found = effects_by_analysis(read(got=[0] * 12), outcome="any")
    assert found.intention_to_treat.estimable
    for each, n in ((found.per_protocol, (6, 0)), (found.as_treated, (12, 0))):
        assert "not estimable: Arm 'treatment' has nobody" in each.method
        assert (each.n, each.missing) == (n, (0, 0))
    assert [each.analysis_set for each in found.estimates] == [
        *("itt", "per-protocol", "as-treated", "itt")
    ]
    assert found.to_frame()["value"].isna().tolist() == [False, True, True, True]
    with pytest.raises(TrialError, match="`horizon` is needed"):
        effects_by_analysis(read(), outcome="back")
    with pytest.raises(ImpossibleDesign, match="beyond the follow-up"):
        effects_by_analysis(read(), outcome="back", horizon=99)


def test_which_of_three_arms() -> None:
    with pytest.raises(TrialError, match="3 arms; name the one to compare with 'a' in `arm`"):
        override_dilution(three_arms())
    with pytest.raises(UnknownColumn, match="treatment arm 'd' is not known"):
        override_dilution(three_arms(), arm="d")
    for verb in (complier_average_effect, attrition_bounds, effects_by_analysis):
        with pytest.raises(TrialError, match="3 arms; name the one to compare"):
            verb(three_arms(), outcome="y")
    with pytest.raises(TrialError, match="3 arms; name the one to compare in an `analysis`"):
        multiple_imputation(three_arms(), outcome="y", rng=np.random.default_rng(1))
    # Who received another treatment did not receive this one.
    found = override_dilution(three_arms(), arm="c")
    assert [row.received_other for row in found.rows] == [0, 0]
    assert found.kept == pytest.approx(2 / 3)
    assert override_dilution(three_arms(), arm="b").kept == 1


def test_dilution_by_columns_that_are_not_there() -> None:
    with pytest.raises(UnknownColumn, match="'sight' is not known; did you mean 'site'"):
        override_dilution(read(), by="sight")
    with pytest.raises(TrialError, match=r"read a table with `Trial.from_frame`"):
        override_dilution(pd.DataFrame(PLAIN))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({}, TrialError, "`support` is needed for method='manski'.*'harm' can have"),
        ({"support": (1, 5)}, TrialError, r"`support` is \(1.0, 5.0\), but 'harm' was seen from 1"),
        ({"support": (5, 1)}, TrialError, "two finite numbers, low and high"),
        ({"support": (0, np.inf)}, TrialError, "two finite numbers, low and high"),
        ({"support": (np.nan, 9)}, TrialError, "two finite numbers, low and high"),
        ({"support": 9}, TrialError, "two finite numbers, low and high, got 9"),
        ({"support": (0, 9, 10)}, TrialError, "two finite numbers, low and high"),
        ({"support": (0, 9), "method": "lee"}, TrialError, "method='lee' needs none"),
        ({"outcome": "any", "support": (0, 1)}, TrialError, "'any' is a yes or no; leave it out"),
        ({"outcome": "any", "covariates": "site"}, TrialError, "`covariates` names site"),
        ({"outcome": "back"}, TrialError, "`horizon` is needed"),
        ({"outcome": "any", "horizon": 4}, TrialError, "no clock; leave it out"),
        ({"outcome": "back", "horizon": 99}, ImpossibleDesign, "beyond the follow-up"),
        ({"method": "kling"}, TrialError, "`method` is 'kling'; choose from 'manski', 'lee'"),
        ({"method": "lee", "covariates": "x"}, UnknownColumn, "baseline column 'x' is not known"),
        ({"method": "lee", "covariates": "age"}, ImpossibleDesign, "nobody seen among age=2"),
        ({"level": 0}, TrialError, "`level` must lie strictly between 0 and 1"),
    ],
)
def test_bounds_that_cannot_be_asked(how: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        attrition_bounds(read(), **({"outcome": "harm"} | how))


def test_bounds_when_most_are_missing() -> None:
    """Seen 2 of 6 and 4 of 6: nobody need be seen in both arms, unless losses are monotone."""
    harm = [5.0, 3, *[np.nan] * 4, 1, 2, 6, 3, np.nan, np.nan]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = attrition_bounds(read(harm=harm), outcome="harm", method="horowitz-manski")
        lee = attrition_bounds(read(harm=harm), outcome="harm", method="lee")
    assert not found.estimable
    assert "not estimable: so many are missing" in found.method
    assert np.isnan([found.interval_low, *found.std_errors, *found.trimmed]).all()
    assert (found.n, found.missing) == ((6, 6), (4, 2))
    assert lee.estimable
    with pytest.raises(ImpossibleDesign, match="nobody with a known 'harm'"):
        attrition_bounds(read(harm=[np.nan] * 6 + PLAIN["harm"][6:]), outcome="harm", method="lee")  # type: ignore[operator]


def test_people_without_a_covariate_are_counted() -> None:
    site = [None, *PLAIN["site"][1:]]  # type: ignore[misc]
    found = attrition_bounds(read(site=site), outcome="harm", method="lee", covariates="site")
    assert "1 person without a covariate left out" in found.method
    assert found.n == (5, 6)


def test_nouns_tell_and_stay() -> None:
    harm = [5.0, 3, 8, 2, 9, np.nan, *PLAIN["harm"][6:]]  # type: ignore[misc]
    trial = read(harm=harm)
    found = attrition_bounds(trial, outcome="harm", method="lee")
    assert "outcome missing for 0 against 1; exploratory" in repr(found)
    assert found.to_frame()["of"].tolist() == ["control", "treatment", "effect"]
    assert found.to_dict()["missing"] == (1, 0)
    tipping = tipping_point(trial, outcome="harm", deltas=[1], rng=np.random.default_rng(1))
    for noun in (
        found,
        tipping,
        override_dilution(trial),
        effects_by_analysis(trial, outcome="any"),
    ):
        assert noun._repr_html_()
        with pytest.raises(FrozenInstanceError):
            setattr(noun, next(iter(noun.__dataclass_fields__)), None)


def imputed(trial: ce.Trial, **how: Any) -> ce.Estimate:
    asked: Any = {"outcome": "harm", "rng": np.random.default_rng(1), "imputations": 3} | how
    return multiple_imputation(trial, **asked)


SOME = [np.nan, *PLAIN["harm"][1:11], np.nan]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"outcome": "back"}, TrialError, "not a yes or no, or a number.*`attrition_bounds`"),
        ({"outcome": "hurt"}, UnknownColumn, "outcome 'hurt' is not known"),
        ({"rng": 1}, TrialError, "`rng` must be a numpy random Generator"),
        ({"imputations": 1}, TrialError, "`imputations` must be a whole number of at least 2"),
        ({"reference": "arm"}, TrialError, "`reference` is 'arm'; did you mean 'own arm'"),
        ({"delta": np.nan}, TrialError, "`delta` must be finite, got nan"),
        ({"delta": {"court": 1.0}}, UnknownColumn, "arm 'court' is not known"),
        ({"delta": "1"}, TrialError, "`delta` must be finite, got '1'"),
        ({"covariates": "ages"}, UnknownColumn, "'ages' is not known; did you mean 'age'"),
        ({"complete_df": 0}, TrialError, "`complete_df` must be a finite number above 0"),
        ({"level": 2}, TrialError, "`level` must lie"),
        ({"analysis": "mean"}, TrialError, "`analysis` must be a function from a `Trial`"),
    ],
)
def test_imputations_that_cannot_be_asked(how: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        imputed(read(harm=SOME), **how)


def test_deltas_that_are_no_numbers() -> None:
    for deltas, message in (((np.inf,), "`deltas` must be finite"), ("12", "`deltas` must list")):
        with pytest.raises(TrialError, match=message):
            tipping_point(
                read(harm=SOME), outcome="harm", deltas=deltas, rng=np.random.default_rng(1)
            )


def test_an_analysis_without_a_standard_error() -> None:
    lost = [np.nan, *PLAIN["any"][1:]]  # type: ignore[misc]

    def analysis(trial: ce.Trial) -> ce.Estimate:
        from dataclasses import replace

        return replace(risk_ratio(trial, outcome="any"), std_error=np.nan)

    week = [np.nan, *PLAIN["week"][1:]]  # type: ignore[misc]
    with pytest.raises(TrialError, match="`analysis` returns estimates without a standard error"):
        imputed(read(any=lost, week=week), outcome="any", analysis=analysis)


def test_imputations_that_have_no_answer() -> None:
    few = imputed(read(harm=[4.0, *[np.nan] * 5, *PLAIN["harm"][6:]]))  # type: ignore[misc]
    assert not few.estimable
    assert "too few outcomes were seen for the regression within 'control'" in few.method
    week = [np.nan, *PLAIN["week"][1:]]  # type: ignore[misc]
    none = read(any=[np.nan, *[0] * 5, *PLAIN["any"][6:]], week=week)  # type: ignore[misc]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apart = imputed(none, outcome="any")
    assert "separates events from others within 'control'" in apart.method
    assert np.isnan(apart.value)
    flat = imputed(read(harm=[np.nan, *[1.0] * 5, *[2.0] * 6]))
    assert "not estimable: no variation is left within arms" in flat.method


def test_covariates_that_are_missing_or_tell_nothing() -> None:
    """Missing ones are set to their mean with an indicator; a constant one is left aside."""
    age = [np.nan, *PLAIN["age"][1:9], np.nan, *PLAIN["age"][10:]]  # type: ignore[misc]
    found = imputed(read(harm=SOME, age=age), covariates=["age", "same"])
    assert found.estimable
    assert "linear regression on age, same" in found.method
    # Who lacks an age lacks the outcome too: nobody tells what that means.
    assert "1 column left aside as constant or collinear there" in found.method


def test_one_arm_missing_some() -> None:
    found = imputed(read(harm=[np.nan, *PLAIN["harm"][1:]]))  # type: ignore[misc]
    assert "(imputed: 1 in 'control', 0 in 'treatment')" in found.method
    assert found.n == (6, 6)
