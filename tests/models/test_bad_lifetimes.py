"""Models of time that must be refused, or say why their numbers are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import ParametricFit, compare_fits, fit_cure, fit_parametric

DISTRIBUTIONS = ("exponential", "weibull", "log-normal", "log-logistic", "royston-parmar")
MODELS = (fit_parametric, fit_cure)
Model = Callable[..., ParametricFit]
N = 80
every_model = pytest.mark.parametrize("model", MODELS)
every_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS)


def people(**columns: Any) -> pd.DataFrame:
    """Eighty people, 44 events, no plateau."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "arm": np.arange(N) % 2,
            "time": np.round(rng.exponential(10, N) + 0.1, 2),
            "event": (rng.random(N) < 0.6).astype(int),
            "age": rng.normal(30, 5, N),
            "prior": rng.poisson(2, N).astype(float),
        }
    )
    return table.assign(**columns)


def split_people(n: int = 400) -> pd.DataFrame:
    """Followed long past the last event: a plateau in both arms."""
    rng = np.random.default_rng(5)
    arm = np.arange(n) % 2
    comes = rng.random(n) < np.array([0.7, 0.5])[arm]
    time, end = rng.weibull(1.4, n) * 8, rng.uniform(40, 80, n)
    return pd.DataFrame(
        {
            "arm": arm,
            "time": np.where(comes, np.minimum(time, end), end),
            "event": (comes & (time <= end)).astype(int),
            "age": rng.normal(30, 5, n),
        }
    )


def read(table: pd.DataFrame, covariates: Sequence[str] = (), **options: Any) -> ce.Trial:
    """Read a trial; keywords replace options."""
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "covariates": list(covariates),
        "times": {"re": ("time", "event", "weeks")},
    }
    return ce.Trial.from_frame(table, **(usual | options))


def assert_blank(fit: ParametricFit, *reasons: str) -> None:
    """No number that could be taken for one, and the reason."""
    assert any(reason in fit.reason for reason in reasons), fit.reason
    assert np.isnan(fit.loglik)
    assert np.isnan(fit.coef).all()
    assert np.isnan(fit.share_coef).all()
    assert np.isnan(fit.covariance).all()
    assert np.isnan(fit.std_error).all()
    assert np.isnan(fit.never[np.array(fit.never) != 0]).all()
    assert np.isnan(fit.aic)
    assert np.isnan(fit.bic)
    assert fit.reason in repr(fit)
    assert np.isnan(fit.to_frame()["coef"]).all()
    assert np.isnan(compare_fits([fit])["aic"]).all()


def assert_sound(fit: ParametricFit) -> None:
    """Numbers that somebody could report: none beside an error a thousand times too large."""
    assert fit.reason == ""
    numbers = [fit.loglik, *fit.coef, *fit.share_coef, *fit.never, *fit.survival.ravel()]
    assert np.isfinite(numbers).all()
    assert (fit.std_error > 0).all()
    assert np.linalg.eigvalsh(fit.covariance).min() > 0
    assert (np.abs(fit.share_coef) < 15).all()
    assert (fit.std_error < 1000).all()


@every_model
@every_distribution
def test_the_unspoiled_question_is_answered(model: Model, distribution: str) -> None:
    """Or every refusal below would be worthless."""
    fit = model(read(split_people(), ("age",)), outcome="re", distribution=distribution)
    assert_sound(fit)


@every_model
def test_times_of_nought(model: Model) -> None:
    table = people()
    table.loc[[3, 9], "time"] = 0
    with pytest.raises(ce.InvalidData, match=r"'re' has 2 times of 0"):
        model(read(table), outcome="re")


@every_model
@pytest.mark.parametrize(
    ("told", "meant"), [("wiebull", "weibull"), ("lognormal", "log-normal"), ("Weibull", "weibull")]
)
def test_a_slip_in_the_distribution(model: Model, told: str, meant: str) -> None:
    with pytest.raises(ce.TrialError, match=f"did you mean '{meant}'"):
        model(read(people()), outcome="re", distribution=told)


@every_model
@pytest.mark.parametrize("told", ["gamma ray", None, 3, ""])
def test_no_such_distribution(model: Model, told: object) -> None:
    with pytest.raises(ce.TrialError, match=r"`distribution` is .*choose from 'exponential'"):
        model(read(people()), outcome="re", distribution=told)


@every_model
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"outcome": "rre"}, "'rre' is not known; did you mean 're'"),
        ({"adjust": "agge"}, "'agge' is not known; did you mean 'age'"),
        ({"adjust": ["age", "agge"]}, "'agge' is not known"),
        ({"adjust": "arm"}, "'arm' is not known"),
        ({"analysis_set": "ittt"}, "'ittt' is not known; did you mean 'itt'"),
    ],
)
def test_unknown_names(model: Model, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ce.UnknownColumn, match=words):
        model(read(people(), ("age",)), **({"outcome": "re"} | asked))


def test_unknown_column_of_the_share() -> None:
    with pytest.raises(ce.UnknownColumn, match="'agge' is not known; did you mean 'age'"):
        fit_cure(read(people(), ("age",)), outcome="re", adjust_share="agge")


@every_model
def test_binary_outcomes(model: Model) -> None:
    trial = read(people(), binary={"any": "event"})
    with pytest.raises(ce.TrialError, match="'any' is binary; a time-to-event outcome is needed"):
        model(trial, outcome="any")


ADJUSTMENTS = [(fit_parametric, "adjust"), (fit_cure, "adjust"), (fit_cure, "adjust_share")]


@pytest.mark.parametrize(("model", "keyword"), ADJUSTMENTS)
def test_constant_columns(model: Model, keyword: str) -> None:
    """Nobody differs, so the trial is not read; nor where those with a time do not differ."""
    with pytest.raises(ce.InvalidData, match="'age' is constant"):
        read(people(age=3.0), ("age",))
    table = people(age=3.0)
    table.loc[0, "age"] = 4.0
    table.loc[0, ["time", "event"]] = np.nan
    with pytest.raises(ce.ImpossibleDesign, match="'age'"):
        model(read(table, ("age",)), outcome="re", **{keyword: "age"})


@pytest.mark.parametrize(("model", "keyword"), ADJUSTMENTS)
def test_collinear_columns(model: Model, keyword: str) -> None:
    table = people()
    trial = read(table.assign(prior=2 * table["age"] + 1), ("age", "prior"))
    with pytest.raises(ce.ImpossibleDesign, match=r"'prior' is a combination .*treatment, age"):
        model(trial, outcome="re", **{keyword: ["age", "prior"]})
    trial = read(table.assign(age=1.0 - table["arm"]), ("age",))
    with pytest.raises(ce.ImpossibleDesign, match=r"'age' is a combination .*treatment"):
        model(trial, outcome="re", **{keyword: "age"})


@pytest.mark.parametrize(("model", "keyword"), ADJUSTMENTS)
def test_columns_named_twice(model: Model, keyword: str) -> None:
    with pytest.raises(ce.ImpossibleDesign, match="'age' is named twice"):
        model(read(people(), ("age",)), outcome="re", **{keyword: ["age", "age"]})


@pytest.mark.parametrize(("model", "keyword"), ADJUSTMENTS)
def test_missing_values_are_counted(model: Model, keyword: str) -> None:
    """By arm, and the fit is of the others."""
    table = split_people()
    table.loc[[1, 4, 6], "age"] = np.nan
    table.loc[[10, 12, 13], ["time", "event"]] = np.nan
    fit = model(read(table, ("age",)), outcome="re", **{keyword: "age"})
    assert fit.missing == (4, 2)
    assert fit.n == (196, 198)
    left = table.dropna()
    same = model(read(left, ("age",)), outcome="re", **{keyword: "age"})
    assert fit.events == same.events
    assert fit.loglik == pytest.approx(same.loglik, rel=1e-13)
    # Without the covariate the same people come back.
    assert model(read(table, ("age",)), outcome="re").missing == (2, 1)


@every_model
@every_distribution
def test_no_events(model: Model, distribution: str) -> None:
    assert_blank(model(read(people(event=0)), outcome="re", distribution=distribution), "no events")


@every_distribution
def test_everybody_has_the_event(distribution: str) -> None:
    """A plain model; but no share can be told from nobody at all."""
    trial = read(people(event=1))
    assert_sound(fit_parametric(trial, outcome="re", distribution=distribution))
    assert_blank(fit_cure(trial, outcome="re", distribution=distribution), "no plateau")


@every_distribution
def test_events_in_one_arm_only(distribution: str) -> None:
    """The other arm's times run off to never."""
    table = people()
    trial = read(table.assign(event=table["arm"]))
    assert_blank(fit_parametric(trial, outcome="re", distribution=distribution), "no maximum")


@every_distribution
def test_events_in_one_arm_only_split(distribution: str) -> None:
    table = people()
    trial = read(table.assign(event=table["arm"]))
    assert_blank(fit_cure(trial, outcome="re", distribution=distribution), "no plateau")


@every_distribution
def test_one_person_in_an_arm(distribution: str) -> None:
    table = people()
    few = pd.concat([table[table["arm"] == 0], table[table["arm"] == 1].iloc[:1].assign(event=1)])
    fit = fit_parametric(read(few), outcome="re", distribution=distribution)
    assert_sound(fit)
    assert fit.n == (40, 1)
    assert_blank(fit_cure(read(few), outcome="re", distribution=distribution), "no plateau")


def _two() -> pd.DataFrame:
    return pd.DataFrame({"arm": [0, 1], "time": [4.0, 9.0], "event": [1, 1]})


@every_distribution
def test_one_person_each(distribution: str) -> None:
    """Sigma runs to nought; an exponential has none."""
    fit = fit_parametric(read(_two()), outcome="re", distribution=distribution)
    if distribution == "exponential":
        assert fit.coef == pytest.approx([np.log(4), np.log(9 / 4)], abs=1e-6)
    else:
        assert_blank(fit, "no maximum", "too few different times")


@every_distribution
def test_one_person_each_split(distribution: str) -> None:
    fit = fit_cure(read(_two()), outcome="re", distribution=distribution)
    assert_blank(fit, "no plateau", "too few different times")


@every_model
@every_distribution
def test_everybody_at_one_time(model: Model, distribution: str) -> None:
    """Some censored there too."""
    fit = model(read(people(time=5.0)), outcome="re", distribution=distribution)
    if (model, distribution) == (fit_parametric, "exponential"):
        assert_sound(fit)
    else:
        assert_blank(fit, "no maximum", "too few different times")


@every_model
@every_distribution
def test_everybody_has_the_event_at_one_time(model: Model, distribution: str) -> None:
    fit = model(read(people(time=5.0, event=1)), outcome="re", distribution=distribution)
    if (model, distribution) == (fit_parametric, "exponential"):
        assert fit.coef == pytest.approx([np.log(5), 0], abs=1e-6)
    else:
        assert_blank(fit, "no maximum", "too few different times")


@every_model
@every_distribution
@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_tiny_and_huge_units(model: Model, distribution: str, unit: float) -> None:
    """The constant moves by the log, the likelihood by events times that.

    On the scale of a hazard the constant moves the other way, as far as the spline is steep.
    """
    table = split_people()
    one = model(read(table), outcome="re", distribution=distribution)
    trial = read(table.assign(time=table["time"] * unit))
    two = model(trial, outcome="re", distribution=distribution)
    assert_sound(two)
    steep = -one.spline_coef[0] if distribution == "royston-parmar" else 1.0
    assert two.coef[0] - steep * np.log(unit) == pytest.approx(one.coef[0], abs=1e-6)
    assert two.spline_coef == pytest.approx(one.spline_coef, rel=1e-5)
    assert two.knots == pytest.approx(one.knots * unit, rel=1e-9)
    assert two.coef[1] == pytest.approx(one.coef[1], abs=1e-6)
    assert two.never == pytest.approx(one.never, rel=1e-6)
    moved = one.loglik - sum(one.events) * np.log(unit)
    assert two.loglik == pytest.approx(moved, rel=1e-10)


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1.0, 1e9])
def test_no_plateau_whatever_the_unit(unit: float) -> None:
    """Estimable in every unit or in none."""
    table = people()
    trial = read(table.assign(time=table["time"] * unit))
    assert_blank(fit_cure(trial, outcome="re", distribution="weibull"), "no plateau")


@pytest.mark.parametrize("unit", [1e-6])
def test_no_plateau_in_one_arm_whatever_the_unit(unit: float) -> None:
    """In the unit of 1, not estimable; here share coefficients of 38 with an error of 5e7."""
    table = people()
    assert fit_cure(read(table), outcome="re", distribution="log-logistic").reason
    trial = read(table.assign(time=table["time"] * unit))
    assert_blank(fit_cure(trial, outcome="re", distribution="log-logistic"), "no plateau")


def test_no_plateau_in_one_arm_with_a_covariate() -> None:
    """Share coefficients of 28.5 and -24.7 with errors of 265303."""
    table = people()
    table.loc[[1, 4, 6], "age"] = np.nan
    assert_blank(fit_cure(read(table, ("age",)), outcome="re", adjust="age"), "no plateau")


def test_rossi_has_no_plateau() -> None:
    """A year is too short to tell a share who never do."""
    frame = pd.read_csv(Path(__file__).parent.parent / "data" / "rossi.csv")
    trial = ce.Trial.from_frame(
        frame, arm="fin", control=0, times={"re": ("week", "arrest", "weeks")}
    )
    fit = fit_cure(trial, outcome="re")
    assert_blank(fit, "no plateau")
    assert np.isnan(fit.survival).all()
    assert fit.n == (216, 216)
    assert sum(fit.events) == 114
    table = compare_fits([fit, fit_parametric(trial, outcome="re")])
    assert table["aic"].isna().tolist() == [False, True]  # what has no criterion comes last


@pytest.mark.parametrize("size", [1e2, 1e3])
@every_distribution
def test_columns_of_larger_numbers(distribution: str, size: float) -> None:
    table = people()
    want = fit_parametric(
        read(table, ("age",)), outcome="re", distribution=distribution, adjust="age"
    )
    trial = read(table.assign(age=table["age"] * size), ("age",))
    got = fit_parametric(trial, outcome="re", distribution=distribution, adjust="age")
    assert got.loglik == pytest.approx(want.loglik, rel=1e-9)
    assert got.coef[2] * size == pytest.approx(want.coef[2], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("size", [1e5, 1e8])
@every_distribution
def test_columns_of_huge_numbers(distribution: str, size: float) -> None:
    """Incomes, or seconds: `age` in another unit is the same model."""
    table = people()
    want = fit_parametric(
        read(table, ("age",)), outcome="re", distribution=distribution, adjust="age"
    )
    trial = read(table.assign(age=table["age"] * size), ("age",))
    got = fit_parametric(trial, outcome="re", distribution=distribution, adjust="age")
    assert got.loglik == pytest.approx(want.loglik, rel=1e-9)
    assert got.coef[2] * size == pytest.approx(want.coef[2], rel=1e-4)


def test_columns_far_from_nought() -> None:
    """A day counted from a far origin."""
    table = people()
    want = fit_parametric(read(table, ("age",)), outcome="re", adjust="age")
    trial = read(table.assign(age=table["age"] + 1e5), ("age",))
    got = fit_parametric(trial, outcome="re", adjust="age")
    assert got.loglik == pytest.approx(want.loglik, rel=1e-9)


def test_a_huge_column_does_not_leave_the_start() -> None:
    """Not estimable would do; a made-up estimate does not."""
    table = people()
    trial = read(table.assign(age=table["age"] * 1e8), ("age",))
    fit = fit_cure(trial, outcome="re", distribution="log-normal", adjust="age")
    assert fit.reason or abs(fit.coef[1]) > 1e-12


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_covariate_that_tells_events(distribution: str) -> None:
    """Only people with the mark have the event: it runs off."""
    table = people()
    trial = read(table.assign(age=table["event"] * 1.0), ("age",))
    assert_blank(
        fit_parametric(trial, outcome="re", distribution=distribution, adjust="age"), "no maximum"
    )
    for keyword in ("adjust", "adjust_share"):
        fit = fit_cure(trial, outcome="re", distribution=distribution, **{keyword: "age"})
        assert_blank(fit, "no plateau")


@every_model
def test_three_arms_and_categories(model: Model) -> None:
    table = split_people(600)
    table["arm"] = np.array(list("abc"))[np.arange(600) % 3]
    table["kind"] = np.array(["x", "y", "z", "x"])[np.arange(600) % 4]
    trial = read(table, ("kind",), control="a", arms=("a", "b", "c"))
    fit = model(trial, outcome="re", adjust="kind")
    assert_sound(fit)
    assert fit.terms == ("(constant)", "b", "c", "kind=y", "kind=z")
    assert len(fit.never) == len(fit.survival) == len(fit.n) == 3
    marked = table.assign(y=(table["kind"] == "y") * 1.0, z=(table["kind"] == "z") * 1.0)
    by_hand = read(marked, ("y", "z"), control="a", arms=("a", "b", "c"))
    same = model(by_hand, outcome="re", adjust=("y", "z"))
    assert fit.coef == pytest.approx(same.coef, abs=1e-9)
    assert fit.loglik == pytest.approx(same.loglik, rel=1e-12)


@pytest.mark.parametrize("never", [1, 3, 1990])
def test_shares_near_all_or_none_with_a_plateau(never: int) -> None:
    """Few in each arm, all seen to the end: the share is theirs, and its error plain."""
    rng = np.random.default_rng(8)
    half = 2000
    comes = np.tile(np.arange(half) >= never, 2)
    time = np.where(comes, rng.exponential(1.0, 2 * half) + 0.01, 60.0)
    table = pd.DataFrame({"arm": np.repeat([0, 1], half), "time": time, "event": comes.astype(int)})
    fit = fit_cure(read(table), outcome="re", distribution="exponential")
    assert_sound(fit)
    assert fit.never == pytest.approx([never / half] * 2, rel=1e-5)
    error = np.sqrt(1 / never + 1 / (half - never))
    assert fit.std_error[2] == pytest.approx(error, rel=1e-3)


def test_a_rare_mark() -> None:
    """Three people of 400, one of them without the event."""
    table = split_people().assign(age=0.0)
    came, stayed = (table.index[table["event"] == each] for each in (1, 0))
    table.loc[[came[0], came[5], stayed[0]], "age"] = 1.0
    trial = read(table, ("age",))
    assert_sound(fit_parametric(trial, outcome="re", adjust="age"))
    assert_sound(fit_cure(trial, outcome="re", adjust="age"))
    assert_sound(fit_cure(trial, outcome="re", adjust_share="age"))


def test_share_alone() -> None:
    """Without the arm in the time, it stays in the share."""
    fit = fit_cure(read(split_people()), outcome="re", arm_in_time=False)
    assert fit.terms == ("(constant)",)
    assert fit.share_terms == ("(constant)", "treatment")
    assert_sound(fit)


@every_model
def test_nothing_of_the_trial_is_changed(model: Model) -> None:
    table = split_people()
    before = table.copy()
    trial = read(table, ("age",))
    one = model(trial, outcome="re", adjust="age")
    two = model(trial, outcome="re", adjust="age")
    pd.testing.assert_frame_equal(table, before)
    assert one.coef.tolist() == two.coef.tolist()
    assert one.loglik == two.loglik


def test_comparing_different_people() -> None:
    table = people()
    gaps = table.copy()
    gaps.loc[[1, 4, 6], "age"] = np.nan
    fits = [
        fit_parametric(read(gaps, ("age",)), outcome="re", adjust="age"),
        fit_parametric(read(table), outcome="re"),
    ]
    with pytest.raises(ce.TrialError, match="different people"):
        compare_fits(fits)


def test_comparing_as_many_people_with_other_events() -> None:
    table = people()
    fits = [
        fit_parametric(read(one), outcome="re")
        for one in (table, table.assign(event=table["arm"] | table["event"]))
    ]
    with pytest.raises(ce.TrialError, match="different people"):
        compare_fits(fits)


def test_comparing_different_outcomes() -> None:
    times = dict.fromkeys(("re", "other"), ("time", "event", "weeks"))
    trial = read(people(), times=times)
    fits = [fit_parametric(trial, outcome=name) for name in times]
    with pytest.raises(ce.TrialError):
        compare_fits(fits)


def test_comparing_different_units() -> None:
    """Weeks and days: likelihoods differ by events times log 7, whatever the model."""
    table = people()
    fits = [
        fit_parametric(read(table), outcome="re"),
        fit_parametric(
            read(table.assign(time=7 * table["time"]), times={"re": ("time", "event", "days")}),
            outcome="re",
        ),
    ]
    with pytest.raises(ce.TrialError):
        compare_fits(fits)


def test_comparing_as_many_other_people() -> None:
    """As many are missing by arm, with as many events, but they are others."""
    table = people()
    first = [int(table.index[(table["arm"] == a) & (table["event"] == 1)][0]) for a in (0, 1)]
    second = [int(table.index[(table["arm"] == a) & (table["event"] == 1)][1]) for a in (0, 1)]
    table.loc[first, "age"] = np.nan
    table.loc[second, "prior"] = np.nan
    trial = read(table, ("age", "prior"))
    fits = [fit_parametric(trial, outcome="re", adjust=name) for name in ("age", "prior")]
    with pytest.raises(ce.TrialError, match="different people"):
        compare_fits(fits)


@pytest.mark.parametrize("junk", [[], [3], ["weibull"], None, "weibull", 7])
def test_comparing_no_fits(junk: Any) -> None:
    with pytest.raises(ce.TrialError, match="`fits` must list fits"):
        compare_fits(junk)


def test_comparing_one_fit_given_bare() -> None:
    with pytest.raises(ce.TrialError, match="`fits` must list fits"):
        compare_fits(fit_parametric(read(people()), outcome="re"))
