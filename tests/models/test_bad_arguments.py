"""Questions that must be refused: the message names the argument, the value and a remedy."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

N = 20
Verb = Callable[..., Any]


def people(**columns: object) -> pd.DataFrame:
    """Twenty people in two arms and two sites; the last three weeks are all censored."""
    table: dict[str, Any] = {
        "arm": [0, 1] * 10,
        "week": [float(i + 1) for i in range(N)],
        "ev": [1, 1, 0, 1] * 5,
        "age": [20.0 + i % 7 for i in range(N)],
        "site": ["n", "n", "s", "s"] * 5,
        "any": [0, 1, 1, 0] * 5,
    }
    table["twice"] = [2 * age + 1 for age in table["age"]]
    return pd.DataFrame(table | columns)


def read(table: pd.DataFrame | None = None, **options: Any) -> ce.Trial:
    """Read the trial; keywords replace options."""
    columns: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "strata": ["site"],
        "covariates": ["age", "twice"],
        "times": {"re": ("week", "ev", "weeks")},
        "binary": {"any": "any"},
    }
    return ce.Trial.from_frame(people() if table is None else table, **(columns | options))


TRIAL = read()
THREE = read(people(arm=["a", "b", "c", "b"] * 5), control="a", arms=("a", "b", "c"), strata=[])
CURVE = ce.survival_curve(TRIAL, outcome="re")


def rng() -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(1)


def reassigned(trial: ce.Trial, **options: Any) -> ce.SignificanceTest:
    """The randomisation test with few draws."""
    return ce.randomisation_test(trial, **({"draws": 9, "rng": rng()} | options))


SURVIVAL: dict[str, tuple[Verb, dict[str, Any]]] = {
    "survival_curve": (ce.survival_curve, {}),
    "logrank_test": (ce.logrank_test, {}),
    "survival_difference": (ce.survival_difference, {"at": 10}),
    "restricted_mean": (ce.restricted_mean, {"horizon": 10}),
    "hazard_ratio": (ce.hazard_ratio, {}),
    "fit_cox": (ce.models.fit_cox, {}),
}
RISK: dict[str, Verb] = {
    "risk_difference": ce.risk_difference,
    "risk_ratio": ce.risk_ratio,
    "odds_ratio": ce.odds_ratio,
}
READ_AT: dict[str, tuple[Verb, str]] = {
    "survival_difference": (ce.survival_difference, "at"),
    "restricted_mean": (ce.restricted_mean, "horizon"),
    **{name: (verb, "horizon") for name, verb in RISK.items()},
}
LEVELLED: dict[str, tuple[Verb, dict[str, Any]]] = {
    **{name: SURVIVAL[name] for name in SURVIVAL if name not in ("logrank_test", "fit_cox")},
    **{name: (verb, {"horizon": 1}) for name, verb in RISK.items()},
}
ALL: dict[str, tuple[Verb, dict[str, Any]]] = {
    **SURVIVAL,
    **{name: (verb, {"horizon": 1}) for name, verb in RISK.items()},
    "randomisation_test": (reassigned, {}),
}


@pytest.mark.parametrize("name", ALL)
def test_the_unspoiled_question_is_answered(name: str) -> None:
    """Or every refusal below would be worthless."""
    verb, options = ALL[name]
    assert verb(TRIAL, outcome="re", **options).outcome == "re"


@pytest.mark.parametrize("name", SURVIVAL)
def test_binary_outcome_to_a_survival_verb(name: str) -> None:
    """It has no clock; the verbs that do without one are named."""
    verb, options = SURVIVAL[name]
    with pytest.raises(ce.TrialError, match=r"'any' is binary.*`risk_difference`"):
        verb(TRIAL, outcome="any", **options)


@pytest.mark.parametrize("name", ALL)
def test_unknown_outcome_and_set(name: str) -> None:
    """The near name is offered; as-treated says what it would need."""
    verb, options = ALL[name]
    for outcome in ("ree", "RE"):
        with pytest.raises(ce.UnknownColumn, match=rf"outcome '{outcome}'.*'re'"):
            verb(TRIAL, outcome=outcome, **options)
    for outcome in (None, ["re"]):
        with pytest.raises(ce.TrialError, match="outcome"):
            verb(TRIAL, outcome=outcome, **options)
    with pytest.raises(ce.UnknownColumn, match=r"analysis set 'ittt'.*did you mean 'itt'"):
        verb(TRIAL, outcome="re", analysis_set="ittt", **options)
    for received in ("as-treated", "per-protocol"):
        with pytest.raises(ce.TrialError, match=rf"'{received}'.*`received`"):
            verb(TRIAL, outcome="re", analysis_set=received, **options)


@pytest.mark.parametrize("name", ALL)
def test_a_table_instead_of_a_trial(name: str) -> None:
    """The first mistake anybody makes; the way to a trial is named."""
    verb, options = ALL[name]
    with pytest.raises(ce.TrialError, match=r"Trial.*got DataFrame.*from_frame"):
        verb(people(), outcome="re", **options)


@pytest.mark.parametrize("name", READ_AT)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1000, r"1000 weeks, beyond the follow-up of arm 'control'.*ends at 19.*at most 19"),
        (19.5, r"19\.5 weeks, beyond the follow-up of arm 'control'.*at most 19"),
        (0, r"must be a finite number above 0, got 0"),
        (-1, r"must be a finite number above 0, got -1"),
        (np.nan, r"must be a finite number above 0, got nan"),
        (np.inf, r"must be a finite number above 0, got inf"),
        (True, r"must be a .*number.*got True"),
        ("10", r"must be a .*number.*got '10'"),
        (np.array([5.0, 10.0]), r"must be a .*number"),
    ],
    ids=["beyond", "beyond one arm", "zero", "negative", "nan", "inf", "bool", "text", "array"],
)
def test_impossible_horizon(name: str, value: object, message: str) -> None:
    """Control is followed for 19 weeks, treatment for 20."""
    verb, argument = READ_AT[name]
    with pytest.raises(ce.TrialError, match=f"`{argument}` {'(is )?'}{message}"):
        verb(TRIAL, outcome="re", **{argument: value})


@pytest.mark.parametrize("value", [1000, 0, -1, np.nan, np.inf, "10"])
def test_impossible_horizon_of_the_randomisation_test(value: object) -> None:
    """As for the risk difference itself."""
    with pytest.raises(ce.TrialError, match=r"`horizon`"):
        reassigned(TRIAL, outcome="re", statistic="risk difference", horizon=value)


@pytest.mark.parametrize("name", RISK)
def test_horizon_missing_and_needless(name: str) -> None:
    """A time needs one, a yes/no outcome has no clock."""
    with pytest.raises(ce.TrialError, match=r"`horizon` is needed.*'re'.*weeks"):
        RISK[name](TRIAL, outcome="re")
    with pytest.raises(ce.TrialError, match=r"`horizon` is 10.*'any' is binary.*leave it out"):
        RISK[name](TRIAL, outcome="any", horizon=10)


@pytest.mark.parametrize("name", LEVELLED)
@pytest.mark.parametrize("level", [0, 1, np.nan, 95, -0.1, np.inf, True, "0.95", None])
def test_impossible_level(name: str, level: object) -> None:
    """0, 1 and NaN make no interval, and 95 is 0.95."""
    verb, options = LEVELLED[name]
    with pytest.raises(ce.TrialError, match=r"`level`.*between 0 and 1, got .*0\.95"):
        verb(TRIAL, outcome="re", level=level, **options)


@pytest.mark.parametrize("value", [1, None, "seed", np.random.RandomState(1), np.random])
def test_rng_must_be_a_generator(value: object) -> None:
    """An integer would be drawn anew by every verb; the remedy is one line."""
    with pytest.raises(ce.TrialError, match=r"`rng`.*Generator, got \w+.*default_rng\(seed\)"):
        reassigned(TRIAL, outcome="re", rng=value)
    with pytest.raises(TypeError, match="rng"):
        ce.randomisation_test(TRIAL, outcome="re")  # type: ignore[call-arg]


@pytest.mark.parametrize("draws", [0, -1, 1.5, np.nan, "9", True, None])
def test_impossible_draws(draws: object) -> None:
    """A count of at least one."""
    with pytest.raises(ce.TrialError, match=r"`draws`.*whole number of at least 1, got"):
        reassigned(TRIAL, outcome="re", draws=draws)


CHOICES: list[tuple[Verb, dict[str, Any], str]] = [
    (ce.survival_curve, {"interval": "loglog"}, r"`interval`.*did you mean 'log-log'"),
    (ce.survival_curve, {"interval": "wald"}, r"`interval`.*'log-log', 'log', 'plain'"),
    (ce.survival_curve, {"interval": None}, r"`interval`.*'log-log', 'log', 'plain'"),
    (ce.restricted_mean, {"horizon": 9, "measure": "diff"}, r"`measure`.*'difference', 'ratio'"),
    (ce.hazard_ratio, {"ties": "exact"}, r"`ties`.*'efron', 'breslow'"),
    (ce.hazard_ratio, {"ties": "Efron"}, r"`ties`.*did you mean 'efron'"),
    (reassigned, {"statistic": "logrank"}, r"`statistic`.*did you mean 'log-rank'"),
    (reassigned, {"statistic": "rd"}, r"`statistic`.*'risk difference'"),
    (ce.hazard_ratio, {"adjust": "agee"}, r"'agee'.*did you mean 'age'"),
    (ce.hazard_ratio, {"adjust": ["age", "sex"]}, r"'sex'.*choose from 'age'"),
    (ce.hazard_ratio, {"strata": "sit"}, r"'sit'.*did you mean 'site'"),
    (ce.hazard_ratio, {"cluster": "officer"}, r"'officer'.*choose from"),
    (ce.logrank_test, {"strata": ["sit"]}, r"'sit'.*did you mean 'site'"),
    (ce.logrank_test, {"weight": "fleming"}, r"`weight`.*FlemingHarrington"),
    (ce.hazard_ratio, {"arm": "treat"}, r"arm 'treat'.*'treatment'"),
    (ce.hazard_ratio, {"arm": "control"}, r"arm 'control'.*'treatment'"),
]


@pytest.mark.parametrize(("verb", "options", "message"), CHOICES)
def test_choices(verb: Verb, options: dict[str, Any], message: str) -> None:
    """What is not among the choices is answered with them."""
    with pytest.raises(ce.TrialError, match=message):
        verb(TRIAL, outcome="re", **options)


INTERVALS = {
    "risk_difference": ["newcombe", "miettinen-nurminen", "wald"],
    "risk_ratio": ["miettinen-nurminen", "wald"],
    "odds_ratio": ["miettinen-nurminen", "wald"],
}


@pytest.mark.parametrize("name", RISK)
def test_a_score_interval_that_cannot_be_had(name: str) -> None:
    """Standardised or censored risks have Wald intervals; another is refused, not ignored."""
    with pytest.raises(ce.TrialError, match=r"standardised and their interval is Wald's"):
        RISK[name](TRIAL, outcome="any", adjust="age", interval="miettinen-nurminen")
    table = pd.DataFrame({"a": [0, 0, 1, 1], "t": [1, 5, 5, 5], "e": [0, 1, 1, 0]})
    lost = ce.Trial.from_frame(table, arm="a", control=0, times={"re": ("t", "e", "weeks")})
    with pytest.raises(ce.TrialError, match=r"some are censored before `horizon`"):
        RISK[name](lost, outcome="re", horizon=5, interval="miettinen-nurminen")
    assert "1 person is censored earlier" in RISK[name](lost, outcome="re", horizon=5).method


@pytest.mark.parametrize("name", RISK)
def test_wrong_interval_names(name: str) -> None:
    """Newcombe's interval is of a difference only; the choices are those of the verb."""
    listed = ", ".join(f"'{choice}'" for choice in INTERVALS[name])
    wrong: list[object] = ["wilson", "log", 95]
    if name != "risk_difference":
        wrong.append("newcombe")
    for interval in wrong:
        with pytest.raises(
            ce.TrialError, match=f"`interval` is {interval!r}; choose from {listed}"
        ):
            RISK[name](TRIAL, outcome="any", interval=interval)
    with pytest.raises(ce.TrialError, match="did you mean 'miettinen-nurminen'"):
        RISK[name](TRIAL, outcome="any", interval="miettinen")
    for interval in INTERVALS[name]:
        assert RISK[name](TRIAL, outcome="any", interval=interval).estimable


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [(ce.hazard_ratio, "re"), (ce.models.fit_cox, "re"), *[(v, "any") for v in RISK.values()]],
)
def test_collinear_adjust(verb: Verb, outcome: str) -> None:
    """The column that adds nothing is named; so is one that repeats the arm."""
    with pytest.raises(ce.ImpossibleDesign, match=r"'twice'.*age.*leave one of them out"):
        verb(TRIAL, outcome=outcome, adjust=["age", "twice"])
    with pytest.raises(ce.ImpossibleDesign, match=r"'age'.*leave one of them out|'age'.*twice"):
        verb(TRIAL, outcome=outcome, adjust=["age", "age"])
    copy = read(people(copy=[0, 1] * 10), factors=["copy"])
    with pytest.raises(ce.ImpossibleDesign, match=r"'copy'.*treatment.*leave one of them out"):
        verb(copy, outcome=outcome, adjust=["copy"])
    levels = read(people(place=["x", "x", "y", "y"] * 5), factors=["place"])
    with pytest.raises(ce.ImpossibleDesign, match=r"place.*site|site.*place"):
        verb(levels, outcome=outcome, adjust=["site", "place"])


@pytest.mark.parametrize("verb", [ce.hazard_ratio, ce.models.fit_cox])
def test_covariate_constant_among_those_analysed(verb: Verb) -> None:
    """It varies in the table, but only among people without an outcome."""
    week = [np.nan, np.nan, *[float(i) for i in range(3, N + 1)]]
    event = [np.nan, np.nan, *([1, 0, 1] * 6)]
    rare = [1.0, 1.0, *([0.0] * 18)]
    trial = read(people(week=week, ev=event, rare=rare), covariates=["rare"])
    with pytest.raises(ce.ImpossibleDesign, match=r"'rare'.*(constant|combination).*leave"):
        verb(trial, outcome="re", adjust=["rare"])


@pytest.mark.parametrize("name", RISK)
def test_censored_before_the_horizon_and_adjust(name: str) -> None:
    """Their risk is unknown: a value that says why and names a way out."""
    found = RISK[name](TRIAL, outcome="re", horizon=15, adjust=["age"])
    assert not found.estimable
    assert found.adjusted_for == ("age",)
    assert "not estimable: 3 people are censored earlier" in found.method
    assert "choose a hazard ratio" in found.method


THREE_ARMED: list[tuple[Verb, dict[str, Any]]] = [
    (ce.hazard_ratio, {"outcome": "re"}),
    (ce.survival_difference, {"outcome": "re", "at": 3}),
    (ce.restricted_mean, {"outcome": "re", "horizon": 3}),
    (ce.standardised_differences, {}),
    *[(verb, {"outcome": "any"}) for verb in RISK.values()],
]


@pytest.mark.parametrize(("verb", "options"), THREE_ARMED)
def test_three_arms_need_a_name(verb: Verb, options: dict[str, Any]) -> None:
    """One contrast has two arms; which is not guessed."""
    with pytest.raises(ce.TrialError, match=r"3 arms.*'a' in `arm`: 'b', 'c'"):
        verb(THREE, **options)
    for wrong in ("a", "d"):
        with pytest.raises(ce.UnknownColumn, match=rf"arm '{wrong}'.*'b', 'c'"):
            verb(THREE, arm=wrong, **options)
    assert verb(THREE, arm="c", **options).contrast == ("c", "a")


def test_randomisation_test_refuses() -> None:
    """Three arms; sets by treatment received; a binary outcome under the log-rank statistic."""
    with pytest.raises(ce.TrialError, match=r"two arms, the trial has 3"):
        reassigned(THREE, outcome="re")
    received = read(people(got=[0, 1] * 10), received="got")
    for name in ("as-treated", "per-protocol"):
        with pytest.raises(ce.TrialError, match=rf"'{name}'|received"):
            reassigned(received, outcome="re", analysis_set=name)
    with pytest.raises(ce.TrialError, match=r"'any' is binary.*'risk difference'"):
        reassigned(TRIAL, outcome="any")
    with pytest.raises(ce.TrialError, match=r"`horizon` is needed"):
        reassigned(TRIAL, outcome="re", statistic="risk difference")
    found = reassigned(TRIAL, outcome="re", statistic="risk difference", horizon=15)
    assert not found.estimable
    assert "not estimable: 3 people are censored earlier" in found.method
    with pytest.raises(ce.TrialError, match=r"`horizon` is 15, but the log-rank.*leave it out"):
        reassigned(TRIAL, outcome="re", horizon=15)


@pytest.mark.parametrize("rho", [-1, np.nan, np.inf, "one"])
@pytest.mark.parametrize("name", ["rho", "gamma"])
def test_impossible_weights(name: str, rho: object) -> None:
    """Powers of a probability."""
    with pytest.raises(ce.TrialError, match=rf"`{name}`.*at least 0, got"):
        ce.FlemingHarrington(**{name: rho})  # type: ignore[arg-type]


RATIOS: list[tuple[object, str]] = [
    ((1,), r"`ratio` has 1 parts? for 2 arms.*control first"),
    ((1, 1, 1), r"`ratio` has 3 parts for 2 arms.*control first"),
    ((0, 1), r"`ratio`.*above 0, got 0"),
    ((1, -1), r"`ratio`.*above 0, got -1"),
    ((1, np.nan), r"`ratio`.*got nan"),
    ((1, np.inf), r"`ratio`.*got inf"),
    (1, r"`ratio`.*got 1"),
    ("1:1", r"`ratio`.*got"),
    (("a", "b"), r"`ratio`.*got 'a'"),
]


@pytest.mark.parametrize(("ratio", "message"), RATIOS)
def test_impossible_ratio(ratio: object, message: str) -> None:
    """One positive number an arm."""
    with pytest.raises(ce.TrialError, match=message):
        ce.sample_ratio_test(TRIAL, ratio=ratio)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [(0,), (1,), (np.nan,), (50,), (-0.5,), 0.5, "half"])
def test_impossible_quantiles(share: object) -> None:
    """Shares strictly between 0 and 1, as a sequence."""
    with pytest.raises(ce.TrialError, match="`probabilities`"):
        ce.models.survival_quantiles(CURVE, share)  # type: ignore[arg-type]


def test_balance_of_nothing() -> None:
    """No covariates; unknown ones."""
    bare = read(covariates=[])
    for verb in (ce.standardised_differences, ce.omnibus_balance):
        with pytest.raises(ce.TrialError, match=r"no covariates.*`covariates`"):
            verb(bare)
        with pytest.raises(ce.UnknownColumn, match=r"'agee'.*did you mean 'age'"):
            verb(TRIAL, covariates="agee")


def test_lookups_on_the_trial() -> None:
    """The same help for those who look inside."""
    with pytest.raises(ce.UnknownColumn, match=r"outcome 'ree'.*did you mean 're'"):
        TRIAL.outcome("ree")
    with pytest.raises(ce.UnknownColumn, match=r"'agee'.*did you mean 'age'"):
        TRIAL.column("agee")
    with pytest.raises(ce.UnknownColumn, match=r"analysis set 'it'.*did you mean 'itt'"):
        TRIAL.arm_in("it")


def test_an_arm_without_known_outcomes() -> None:
    """Everyone in control was lost; the arm and the outcome are named."""
    lost = read(people(week=[np.nan, 1.0] * 10, ev=[np.nan, 1.0] * 10))
    for name, (verb, options) in SURVIVAL.items():
        if name not in ("survival_difference", "restricted_mean"):
            with pytest.raises(ce.ImpossibleDesign, match=r"'control'.*'re'"):
                verb(lost, outcome="re", **options)


REFUSALS: list[Callable[[], object]] = [
    lambda: ce.survival_curve(TRIAL, outcome="any"),
    lambda: ce.hazard_ratio(TRIAL, outcome="re", analysis_set="as-treated"),
    lambda: ce.restricted_mean(TRIAL, outcome="re", horizon=1000),
    lambda: ce.survival_difference(TRIAL, outcome="re", at=-1),
    lambda: ce.risk_difference(TRIAL, outcome="re"),
    lambda: ce.risk_difference(TRIAL, outcome="any", horizon=3),
    lambda: ce.risk_ratio(TRIAL, outcome="re", horizon=15, interval="miettinen-nurminen"),
    lambda: ce.hazard_ratio(TRIAL, outcome="re", level=95),
    lambda: ce.hazard_ratio(TRIAL, outcome="re", adjust=["age", "twice"]),
    lambda: ce.hazard_ratio(THREE, outcome="re"),
    lambda: reassigned(THREE, outcome="re"),
    lambda: reassigned(TRIAL, outcome="re", rng=1),
    lambda: reassigned(TRIAL, outcome="re", draws=0),
    lambda: ce.standardised_differences(read(covariates=[])),
    lambda: ce.sample_ratio_test(TRIAL, ratio=(1,)),
    lambda: read(people(arm=["x", "y"] * 10), arms=(0, 1)),
    lambda: read(people(site=["n", "s"] * 10)),
    lambda: read(binary={"re": "any"}),
    lambda: read(control=7),
    lambda: read(times={"re": ("week", "ev", "week")}),
    lambda: ce.TimeToEvent(time=[1, np.nan], event=[True, False]),
    lambda: ce.FlemingHarrington(rho=-1),
]


def public_names() -> set[str]:
    """Names a reader can find: of modules, classes, fields, functions and their arguments."""
    modules = [ce, ce.models, ce.design, ce.balance, ce.outcomes, ce.randomise, ce.cohort]
    values = [getattr(module, name) for module in modules for name in dir(module) if name[0] != "_"]
    names = {name for module in modules for name in dir(module)}
    for value in values:
        if inspect.isclass(value):
            names |= {name for name in dir(value) if name[0] != "_"}
            members = [getattr(value, name) for name in dir(value) if name[0] != "_"]
        else:
            members = []
        for called in [value, *members]:
            if callable(called) and not (inspect.isclass(called) and issubclass(called, Exception)):
                with contextlib.suppress(ValueError):  # builtins have no signature
                    names |= set(inspect.signature(called).parameters)
    return names


@pytest.mark.parametrize("refusal", REFUSALS)
def test_backticked_names_exist(refusal: Callable[[], object]) -> None:
    """A remedy that names what does not exist is worse than none."""
    with pytest.raises(ce.TrialError) as caught:
        refusal()
    named = re.findall(r"`([^`]+)`", str(caught.value))
    known = public_names()
    assert named
    assert "get_varcov" not in known  # beeca's remedy, which does not exist
    for name in named:
        assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r"'.*?'", "", name))) <= known, name
