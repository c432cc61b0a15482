"""Resampling that must be refused, and what has no interval: each error's type and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import bootstrap_interval
from checkpoint_eval.outcomes import Episodes
from checkpoint_eval.outcomes.observed import TimeToEvent

N = 12
TIMED = [
    *("restricted mean difference", "restricted mean ratio", "restricted mean lost ratio"),
    *("survival difference", "risk ratio"),
]
WHOLE = ["median difference", "hazard ratio"]
REPEATED = ["mean events difference", "mean events ratio"]
INCIDENCE = "cumulative incidence difference"
# Statistics of curves that the randomisation test has.
REDRAWN = ["restricted mean difference", "survival difference", INCIDENCE, REPEATED[0]]


def people(**columns: object) -> pd.DataFrame:
    """Twelve people; control is followed for 12 weeks, treatment for 11."""
    table: dict[str, Any] = {
        "arm": [0, 1] * 6,
        "site": list("nnsswwnnssww"),
        "week": [12.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0],
        "event": [0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0],
        "any": [0, 1] * 6,
        "days": np.arange(12.0),
    }
    return pd.DataFrame(table | columns)


def read(**columns: object) -> ce.Trial:
    """One outcome of each kind: re, end (with death), again, any, days."""
    table = people(**columns)
    plain = ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        factors=["site"],
        times={"re": ("week", "event", "weeks")},
        binary={"any": "any"},
        numeric={"days": "days"},
    )
    event = table["event"].to_numpy() == 1
    death = np.where(event, 0, table["week"] < 10).astype(int)
    end = TimeToEvent(
        time=table["week"], event=event, unit="weeks", competing=death, causes=("death",)
    )
    again = Episodes(
        person=np.repeat(np.arange(N), 2),
        start=[0.0, 2.0] * N,
        stop=np.ravel([[2.0, 8.0 + i % 2] for i in range(N)]),
        event=np.ravel([[i % 3 == 0, i % 4 < 2] for i in range(N)]),
        people=N,
        unit="weeks",
    )
    return replace(plain, outcomes={**plain.outcomes, "end": end, "again": again})


TRIAL = read()


def rng() -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(1)


def ask(trial: ce.Trial = TRIAL, **options: Any) -> ce.Estimate:
    """Of time to the event unless said."""
    usual: dict[str, Any] = {"outcome": "re", "draws": 200, "rng": rng()}
    return bootstrap_interval(trial, **(usual | options))


def redraw(trial: ce.Trial = TRIAL, **options: Any) -> ce.SignificanceTest:
    """The randomisation test; bare, the log-rank of `re`."""
    return ce.randomisation_test(trial, **({"outcome": "re", "draws": 99, "rng": rng()} | options))


def usual(statistic: str) -> dict[str, Any]:
    """What each statistic is asked with."""
    outcome = "again" if statistic in REPEATED else "end" if statistic == INCIDENCE else "re"
    timed = {} if statistic in WHOLE else {"horizon": 7}
    return {"statistic": statistic, "outcome": outcome, **timed}


EVERY = [*TIMED, *WHOLE, INCIDENCE, *REPEATED]


@pytest.mark.parametrize("statistic", EVERY)
def test_the_unspoiled_question_is_answered(statistic: str) -> None:
    """Or every refusal below would be worthless."""
    found = ask(**usual(statistic))
    assert found.estimable
    assert found.low < found.value < found.high
    assert found.estimand == statistic
    assert found.scale == statistic.rpartition(" ")[2]
    assert "200 draws within arms" in found.method
    assert found.n == (6, 6)


@pytest.mark.parametrize("statistic", REDRAWN)
def test_the_unspoiled_test_is_made(statistic: str) -> None:
    assert redraw(**usual(statistic)).estimable


# --- what was asked --------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["mean", "log-rank", "Hazard ratio", "", None, 3])
def test_unknown_statistics(statistic: Any) -> None:
    with pytest.raises(ce.TrialError, match=r"`statistic` is .*(choose|did you mean)"):
        ask(statistic=statistic, horizon=7)


@pytest.mark.parametrize("statistic", ["hazard ratio", "median difference", "risk ratio"])
def test_statistics_of_the_other_verb(statistic: str) -> None:
    """A hazard ratio is redrawn as its score, the log-rank statistic."""
    with pytest.raises(ce.TrialError, match=r"`statistic` is '.*(choose from 'log-r|did you)"):
        redraw(statistic=statistic)


@pytest.mark.parametrize("statistic", [*TIMED, INCIDENCE, *REPEATED])
def test_a_horizon_is_asked_for(statistic: str) -> None:
    how = usual(statistic)
    del how["horizon"]
    words = rf"`horizon` is needed for statistic='{statistic}': by how many weeks\?"
    with pytest.raises(ce.TrialError, match=words):
        ask(**how)
    if statistic in REDRAWN:
        with pytest.raises(ce.TrialError, match=words):
            redraw(**how)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "7", True, 1_000])
@pytest.mark.parametrize("statistic", [*TIMED, INCIDENCE, *REPEATED])
def test_impossible_horizons(statistic: str, value: Any) -> None:
    with pytest.raises(ce.TrialError, match=r"`horizon`"):
        ask(**(usual(statistic) | {"horizon": value}))
    if statistic in REDRAWN:
        with pytest.raises(ce.TrialError, match=r"`horizon`"):
            redraw(**(usual(statistic) | {"horizon": value}))


@pytest.mark.parametrize(("statistic", "end"), [("survival difference", 11), (REPEATED[0], 8)])
def test_horizons_beyond_the_follow_up_of_one_arm(statistic: str, end: int) -> None:
    name = "treatment" if end == 11 else "control"
    words = rf"`horizon` is {end + 1} weeks, beyond the follow-up of arm '{name}'.*ends at {end}"
    for verb in (ask, redraw):
        with pytest.raises(ce.ImpossibleDesign, match=words):
            verb(**(usual(statistic) | {"horizon": end + 1}))


@pytest.mark.parametrize("statistic", WHOLE)
def test_a_horizon_that_is_not_used(statistic: str) -> None:
    with pytest.raises(
        ce.TrialError, match=rf"`horizon` is 7, but statistic '{statistic}' uses all"
    ):
        ask(statistic=statistic, horizon=7)


def test_a_horizon_for_a_statistic_of_ones_own() -> None:
    with pytest.raises(ce.TrialError, match=r"`horizon` is 7, but statistic of your own uses all"):
        ask(statistic=lambda table: table.at_risk[:, 0, 0] * 1.0, horizon=7)


@pytest.mark.parametrize("statistic", [*TIMED, *WHOLE, *REPEATED])
def test_a_cause_that_is_not_used(statistic: str) -> None:
    words = r"`cause` belongs to statistic='cumulative incidence difference'; leave it out"
    with pytest.raises(ce.TrialError, match=words):
        ask(**usual(statistic), cause="death")
    with pytest.raises(ce.TrialError, match=words):
        redraw(cause="death")


def test_causes() -> None:
    """Unknown; of an outcome without any; and named in the answer."""
    how = usual(INCIDENCE)
    for verb in (ask, redraw):
        with pytest.raises(ce.TrialError, match=r"`cause` is 'moved'; choose from 'death'"):
            verb(**how, cause="moved")
        with pytest.raises(ce.TrialError, match=r"'re' has no competing causes"):
            verb(**(how | {"outcome": "re"}))
        assert f"{INCIDENCE} of death to 7 weeks" in verb(**how, cause="death").method
        assert f"{INCIDENCE} to 7 weeks" in verb(**how, cause="end").method
    assert ask(**how, cause="death").estimand == f"{INCIDENCE} of death"
    assert ask(**how, cause="death").value != ask(**how).value


@pytest.mark.parametrize("statistic", EVERY)
@pytest.mark.parametrize("outcome", ["re", "again", "any", "days"])
def test_outcomes_of_another_kind(outcome: str, statistic: str) -> None:
    if (outcome == "again") == (statistic in REPEATED) and outcome in ("re", "again"):
        return
    words = {
        "re": r"an outcome of repeated events, which 're' is not.*`reoffence_episodes`",
        "again": r"but 'again' is of repeated events; use statistic='mean events difference'",
        "any": r"'any' is not; (read one with `times`|derive it with `reoffence_episodes`)",
        "days": r"'days' is not; (read one with `times`|derive it with `reoffence_episodes`)",
    }[outcome]
    for verb in (ask, redraw) if statistic in REDRAWN else (ask,):
        with pytest.raises(ce.TrialError, match=rf"Statistic '{statistic}' needs .*{words}"):
            verb(**(usual(statistic) | {"outcome": outcome}))


@pytest.mark.parametrize("outcome", ["again", "any", "days"])
def test_outcomes_that_have_no_event_table(outcome: str) -> None:
    with pytest.raises(ce.TrialError, match=r"Statistic of your own needs a time-to-event"):
        ask(outcome=outcome, statistic=lambda table: table.at_risk[:, 0, 0] * 1.0)


def test_nobody_and_nothing() -> None:
    with pytest.raises(ce.UnknownColumn):
        ask(outcome="rearrest", horizon=7)
    with pytest.raises(ce.TrialError, match=r"Trial"):
        ask("trial", horizon=7)  # type: ignore[arg-type]
    with pytest.raises(ce.UnknownColumn):
        ask(horizon=7, strata="suite")
    with pytest.raises(ce.UnknownColumn):
        ask(horizon=7, analysis_set="none")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"draws": 99}, "`draws`"),
        ({"draws": 200.5}, "`draws`"),
        ({"draws": True}, "`draws`"),
        ({"rng": 3}, "`rng`"),
        ({"rng": None}, "`rng`"),
        ({"level": 95}, "`level`"),
        ({"level": np.nan}, "`level`"),
        ({"interval": "basic"}, "`interval`"),
    ],
)
def test_impossible_options(how: dict[str, Any], says: str) -> None:
    with pytest.raises(ce.TrialError, match=says):
        ask(horizon=7, **how)


# --- statistics of one's own -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "says"),
    [
        (lambda table: table.at_risk, r"1 numbers, one a draw \(row\), got shape"),
        (lambda _: 3.0, r"got shape \(\)"),
        (lambda table: table.at_risk[:, 0, 0] * 1j, r"real numbers, got complex128"),
        (lambda table: table.at_risk[:, 0, 0].astype(str), r"real numbers, got <U"),
        (lambda _: None, r"got shape \(\)"),
    ],
)
def test_statistics_of_another_shape(statistic: Any, says: str) -> None:
    with pytest.raises(ce.TrialError, match=rf"`statistic` must return .*{says}"):
        ask(statistic=statistic)


def test_a_statistic_of_ones_own_is_named_and_may_not_touch() -> None:
    def events_apart(table: Any) -> Any:
        """Of people as they are, of draws and without one: control first."""
        assert table.events.shape[1] == 2
        assert table.at_risk.shape[-1] == table.time.size == N
        return table.events[:, 1].sum(axis=-1) - table.events[:, 0].sum(axis=-1)

    found = ask(statistic=events_apart)
    assert found.value == -0.0 + people().groupby("arm")["event"].sum().diff().iloc[-1]
    assert found.estimand == "statistic 'events_apart' of the user's own"
    assert (found.scale, found.time_point) == ("difference", pytest.approx(np.nan, nan_ok=True))

    def touches(table: Any) -> Any:
        table.events[:] = 0

    with pytest.raises(ValueError, match="read-only"):
        ask(statistic=touches)


# --- what has no interval ----------------------------------------------------------------------


@pytest.mark.parametrize("statistic", [name for name in EVERY if name not in REPEATED])
def test_nobody_has_the_event(statistic: str) -> None:
    """No draw varies; medians and ratios have no value at all. Nothing is raised or warned."""
    found = ask(read(event=0), **usual(statistic))
    assert not found.estimable
    none = statistic.endswith("lost ratio") or statistic in ("risk ratio", *WHOLE)
    reason = "has no value for the people as they are" if none else "the draws do not vary"
    if statistic != INCIDENCE:  # deaths vary the draws, but nobody has the event
        assert reason in found.method
    assert "not estimable" in found.method


@pytest.mark.parametrize("statistic", REDRAWN)
def test_nobody_has_the_event_in_a_randomisation_test(statistic: str) -> None:
    """All allocations are alike: the test is made, and says nothing."""
    found = redraw(read(event=0), **usual(statistic))
    if statistic != REPEATED[0]:
        assert (found.statistic, found.p_value) == (0, 1)


def test_draws_without_a_value_are_counted() -> None:
    """One person of control has the event: some draws leave them out, and have no ratio."""
    event = [0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0]
    found = ask(read(event=event), statistic="hazard ratio", draws=1_000)
    assert found.estimable
    lost = int(found.method.partition("(")[2].split(" not estimable")[0])
    share = (5 / 6) ** 6 + (2 / 6) ** 6  # those of control without it, or treatment without any
    # A draw may also lose what can be compared by whom the others outlast: not rarer than this.
    assert lost > 1_000 * (share - 5 * np.sqrt(share * (1 - share) / 1_000))
    few = ask(read(event=[0, 1, *[0] * 10]), statistic="risk ratio", horizon=7)
    assert "not estimable: the statistic has no value" in few.method


def test_most_draws_without_a_value() -> None:
    """The value is known, but of most draws it is not."""

    def seldom(table: Any) -> Any:
        whole = table.at_risk.shape[0] == 1
        values = table.events[:, 1].sum(axis=-1) * 1.0
        return values if whole else np.where(values == values.max(), values, np.nan)

    assert "not estimable: most draws have no value" in ask(statistic=seldom).method


@pytest.mark.parametrize("strata", ["site", ["site"], None])
def test_strata_are_drawn_within(strata: Any) -> None:
    """People of one suite of an arm are two; with two alike nothing of them varies."""
    found = ask(horizon=7, strata=strata)
    within = "arms and strata" if strata else "arms"
    assert found.method.endswith(f"draws within {within}")
    assert (found.std_error == ask(horizon=7).std_error) == (strata is None)
