"""What is read off curves: what is refused, in which words, and what cannot be estimated and why.

Warnings are errors here, so that every test also says that none escapes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.models import (
    incidence_difference,
    pseudo_observations,
    restricted_mean_curve,
)
from checkpoint_eval.outcomes import BinaryOutcome, TimeToEvent, landmark

if TYPE_CHECKING:
    from collections.abc import Callable

ARM = [0, 1] * 6
WEEK = [3.0, 10, 5, 8, 7, 10, 10, 6, 2, 9, 10, 10]
EVENT = [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0]
AGE = [20, 31, 25, 44, 52, 23, 38, 61, 33, 29, 41, 27]
SITE = list("nnssnnssnnss")  # three of each arm
LOOSE = {"alone": list("s" * 11 + "t"), "arms": list("ct" * 6)}
MEASURES = ("difference", "ratio", "lost ratio")


def read(**changed: Any) -> ce.Trial:
    """Twelve people, followed to week 10."""
    table = {"arm": ARM, "week": WEEK, "ev": EVENT, "age": AGE, "site": SITE, "any": EVENT}
    table |= {"twice": [2 * a for a in AGE]} | LOOSE | changed
    return ce.Trial.from_frame(
        pd.DataFrame(table),
        arm="arm",
        control=0,
        covariates=["age", "twice"],
        factors=["site", *LOOSE],
        times={"re": ("week", "ev", "weeks")},
        binary={"any": "any"},
    )


def dying(**changed: Any) -> ce.Trial:
    """The same, with deaths among those without the event."""
    trial = read(**changed)
    seen = trial.outcome("re")
    assert isinstance(seen, TimeToEvent)
    died = (~seen.event & (np.arange(12) % 4 == 1)).astype(int)
    return replace(trial, outcomes={"re": replace(seen, competing=died, causes=("death",))})


def mean(trial: ce.Trial | None = None, *, horizon: float = 9, **how: Any) -> ce.Estimate:
    return ce.restricted_mean(trial or read(), outcome="re", horizon=horizon, **how)


def survival(trial: ce.Trial | None = None, *, at: float = 9, **how: Any) -> ce.Estimate:
    return ce.survival_difference(trial or read(), outcome="re", at=at, **how)


def incidence(trial: ce.Trial | None = None, *, at: float = 9, **how: Any) -> ce.Estimate:
    return incidence_difference(trial or dying(), outcome="re", at=at, **how)


def pseudo(trial: ce.Trial | None = None, *, horizon: float = 9, **how: Any) -> list[float]:
    found = pseudo_observations(trial or read(), outcome="re", horizon=horizon, **how)
    return found["value"].tolist()


def short_north() -> dict[str, list[Any]]:
    """Nobody of the north's control arm is followed beyond week 7, and one is free then."""
    week = [6.0 if a == 0 and s == "n" else w for a, s, w in zip(ARM, SITE, WEEK, strict=True)]
    event = [0 if w == 6 else e for w, e in zip(week, EVENT, strict=True)]
    return {"week": week, "ev": event}


# --- refused ----------------------------------------------------------------------------------

THREE: dict[str, Callable[..., ce.Estimate]] = {
    "restricted mean": mean,
    "survival": survival,
    "incidence": incidence,
}


@pytest.mark.parametrize("verb", list(THREE))
@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ({"adjust": "agee"}, UnknownColumn, r"baseline column 'agee'.*did you mean 'age'"),
        ({"strata": "sit"}, UnknownColumn, r"baseline column 'sit'.*did you mean 'site'"),
        ({"adjust": ["age", "age"]}, ImpossibleDesign, r"'age' is named twice"),
        ({"adjust": ["age", "twice"]}, ImpossibleDesign, r"'twice' is a combination.*`adjust`"),
        ({"adjust": "arms"}, ImpossibleDesign, r"'arms=t' is a combination.*treatment.*`adjust`"),
        ({"adjust": "site", "strata": "site"}, TrialError, r"'site'.*`adjust` and `strata`"),
        ({"strata": "arms"}, ImpossibleDesign, r"stratum of 6 people.*one arm only.*`strata`"),
        ({"strata": "alone"}, ImpossibleDesign, r"stratum of 1 person.*one arm only.*`strata`"),
        ({"level": 95}, TrialError, r"`level`.*0\.95"),
        ({"analysis_set": "itt2"}, UnknownColumn, r"analysis set 'itt2'"),
        ({"arm": "control"}, UnknownColumn, r"treatment arm 'control'"),
    ],
    ids=lambda part: "" if isinstance(part, (type, str)) else "-".join(map(str, part)),
)
def test_options_refused(
    verb: str, how: dict[str, Any], kind: type[TrialError], words: str
) -> None:
    """All three verbs alike."""
    with pytest.raises(kind, match=words):
        THREE[verb](**how)


@pytest.mark.parametrize("verb", list(THREE))
def test_constant_covariate(verb: str) -> None:
    """Constant among the people compared, though not in the trial."""
    lost = {"age": [30] * 11 + [40], "week": [*WEEK[:11], np.nan], "ev": [*EVENT[:11], np.nan]}
    trial = dying(**lost) if verb == "incidence" else read(**lost)
    with pytest.raises(ImpossibleDesign, match=r"'age' is constant among the 11 people.*`adjust`"):
        THREE[verb](trial, adjust="age")


@pytest.mark.parametrize("adjust", [[], ["age"]])
@pytest.mark.parametrize("verb", list(THREE))
def test_beyond_follow_up(verb: str, adjust: list[str]) -> None:
    """Adjusted or not: the arm, its end and the argument are named."""
    how = {"horizon" if verb == "restricted mean" else "at": 10.5, "adjust": adjust}
    word = "`horizon`" if verb == "restricted mean" else "`at`"
    with pytest.raises(
        ImpossibleDesign, match=rf"{word} is 10\.5 weeks, beyond.*'control'.*ends at 10.*at most 10"
    ):
        THREE[verb](**how)


@pytest.mark.parametrize("verb", list(THREE))
def test_beyond_follow_up_in_a_stratum(verb: str) -> None:
    """The arm is followed long enough elsewhere; without strata it is not refused."""
    trial = dying(**short_north()) if verb == "incidence" else read(**short_north())
    assert THREE[verb](trial).estimable
    with pytest.raises(ImpossibleDesign, match=r"beyond the follow-up of arm 'control'.*at most 6"):
        THREE[verb](trial, strata="site")


@pytest.mark.parametrize("value", [0, -3, np.nan, np.inf, "9", True, None])
@pytest.mark.parametrize("adjust", [[], ["age"]])
def test_times_that_are_none(value: Any, adjust: list[str]) -> None:
    """A number above 0."""
    with pytest.raises(TrialError, match="`horizon` must be a finite number above 0"):
        mean(horizon=value, adjust=adjust)
    with pytest.raises(TrialError, match="`at` must be a finite number above 0"):
        survival(at=value, adjust=adjust)
    with pytest.raises(TrialError, match="`at` must be a finite number above 0"):
        incidence(at=value, adjust=adjust)
    with pytest.raises(TrialError, match="`horizon` must be a finite number above 0"):
        pseudo(horizon=value)
    with pytest.raises(TrialError, match="`at` must be a finite number above 0"):
        landmark(read(), outcome="re", at=value)


REFUSED: dict[str, tuple[Callable[[], object], type[TrialError], str]] = {
    "pseudo of what": (
        lambda: pseudo(measure="rmst"),
        TrialError,
        r"`measure` is 'rmst'.*'restricted mean'",
    ),
    "pseudo beyond": (
        lambda: pseudo(horizon=11),
        ImpossibleDesign,
        r"`horizon` is 11 weeks.*'control'.*at most 10",
    ),
    "pseudo without causes": (
        lambda: pseudo(measure="cumulative incidence"),
        TrialError,
        r"'re' has no competing causes",
    ),
    "pseudo of an unknown cause": (
        lambda: pseudo(dying(), measure="cumulative incidence", cause="emigration"),
        TrialError,
        r"`cause` is 'emigration'.*'death'",
    ),
    "pseudo of yes or no": (
        lambda: pseudo_observations(read(), outcome="any", horizon=3),
        TrialError,
        r"'any' is binary",
    ),
    "pseudo of nothing known": (
        lambda: pseudo_observations(read(), outcome="ree", horizon=3),
        UnknownColumn,
        r"'ree'.*did you mean 're'",
    ),
    "curve of what": (
        lambda: restricted_mean_curve(read(), outcome="re", measure="odds"),  # type: ignore[arg-type]
        TrialError,
        r"`measure` is 'odds'.*'lost ratio'",
    ),
    "curve of yes or no": (
        lambda: restricted_mean_curve(read(), outcome="any"),
        TrialError,
        r"'any' is binary",
    ),
    "curve's level": (
        lambda: restricted_mean_curve(read(), outcome="re", level=1.0),
        TrialError,
        r"`level` must lie strictly between 0 and 1",
    ),
    "mean of what": (
        lambda: mean(measure="lost"),
        TrialError,
        r"`measure` is 'lost'; choose from.*'lost ratio'",
    ),
    "unknown band": (
        lambda: ce.survival_curve(read(), outcome="re", band="equal precision"),  # type: ignore[arg-type]
        TrialError,
        r"`band` is 'equal precision'.*'pointwise', 'hall-wellner'",
    ),
    "band without a level": (
        lambda: ce.survival_curve(read(), outcome="re", band="hall-wellner", level=0),
        TrialError,
        r"`level` must lie strictly between 0 and 1",
    ),
    "landmark at the end": (
        lambda: landmark(read(), outcome="re", at=10),
        ImpossibleDesign,
        r"Arm 'control' has nobody followed beyond 10 weeks.*smaller `at`",
    ),
    "landmark beyond one arm": (
        lambda: landmark(
            read(week=[min(w, 4 + a * 9) for w, a in zip(WEEK, ARM, strict=True)]),
            outcome="re",
            at=4,
        ),
        ImpossibleDesign,
        r"Arm 'control' has nobody followed beyond 4 weeks",
    ),
    "landmark of yes or no": (
        lambda: landmark(read(), outcome="any", at=3),
        TrialError,
        r"'any' is a BinaryOutcome; a landmark needs a time to an event",
    ),
    "landmark of nothing known": (
        lambda: landmark(read(), outcome="ree", at=3),
        UnknownColumn,
        r"'ree'.*did you mean 're'",
    ),
    "landmark twice": (
        lambda: landmark(landmark(read(), outcome="re", at=3), outcome="re", at=3),
        TrialError,
        r"has 're after 3 weeks' already",
    ),
    "landmark of no trial": (
        lambda: landmark({"re": 3}, outcome="re", at=3),  # type: ignore[arg-type]
        TrialError,
        r"`trial` must be a `Trial`, got dict",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name: str) -> None:
    """With the argument, what was got, and what to do."""
    asked, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        asked()


def test_three_arms_must_be_named() -> None:
    """And with a name the two are compared as if the third were not there."""
    table = pd.DataFrame({"arm": list("abc") * 4, "week": WEEK, "ev": EVENT, "age": AGE})
    times = {"re": ("week", "ev", "weeks")}
    trial = ce.Trial.from_frame(
        table, arm="arm", control="a", arms=list("abc"), covariates=["age"], times=times
    )
    two = ce.Trial.from_frame(
        table[table["arm"] != "b"], arm="arm", control="a", covariates=["age"], times=times
    )
    with pytest.raises(TrialError, match=r"3 arms.*`arm`: 'b', 'c'"):
        mean(trial, horizon=7, adjust="age")
    with pytest.raises(TrialError, match=r"3 arms.*`arm`: 'b', 'c'"):
        restricted_mean_curve(trial, outcome="re")
    found, want = (
        mean(t, horizon=7, adjust="age", **how) for t, how in [(trial, {"arm": "c"}), (two, {})]
    )
    assert (found.value, found.std_error) == pytest.approx((want.value, want.std_error), rel=1e-9)
    one = restricted_mean_curve(trial, outcome="re", arm="c")
    assert one.value == pytest.approx(restricted_mean_curve(two, outcome="re").value, nan_ok=True)


# --- nothing to estimate ----------------------------------------------------------------------


def unknown(found: ce.Estimate, reason: str) -> None:
    """NaN everywhere, and why."""
    assert not found.estimable
    assert np.isnan([found.value, found.low, found.high, found.p_value, found.std_error]).all()
    assert f"not estimable: {reason}" in found.method


@pytest.mark.parametrize("how", [{}, {"strata": "site"}, {"adjust": "age"}], ids=str)
@pytest.mark.parametrize(
    "changed",
    [{"ev": [0] * 12, "week": [10.0] * 12}, {"ev": [1] * 12, "week": [5.0] * 12}],
    ids=["nobody", "all at once"],
)
def test_no_event_or_all_at_one_time(changed: dict[str, Any], how: dict[str, Any]) -> None:
    """Both arms alike and without variance."""
    trial = read(**changed)
    reason = "the regression" if "adjust" in how else ""
    for measure in MEASURES:
        unknown(mean(trial, measure=measure, **how), reason or "before 9 weeks no event left")
    unknown(survival(trial, **how), reason or "no variance, as every arm stands at 0 or 1")


def test_all_at_one_time_elsewhere() -> None:
    """Curves, bands and pseudo-observations of a jump."""
    trial = read(ev=[1] * 12, week=[5.0] * 12)
    assert pseudo(trial, horizon=4) == [4] * 12
    assert pseudo(trial, horizon=9, measure="survival") == [0] * 12
    curve = restricted_mean_curve(trial, outcome="re")
    assert (curve.time.tolist(), curve.value.tolist()) == ([5], [0])
    assert np.isnan([curve.std_error, curve.low, curve.high]).all()
    for interval in ("plain", "log", "log-log"):
        band = ce.survival_curve(trial, outcome="re", band="hall-wellner", interval=interval)
        assert np.isnan([band.low, band.high]).all()
    with pytest.raises(ImpossibleDesign, match="nobody followed beyond 5 weeks"):
        landmark(trial, outcome="re", at=5)


def without(arm: int) -> ce.Trial:
    """No event in one arm, followed to week 10."""
    event = [e if a != arm else 0 for e, a in zip(EVENT, ARM, strict=True)]
    week = [w if a != arm else 10.0 for w, a in zip(WEEK, ARM, strict=True)]
    return read(ev=event, week=week)


@pytest.mark.parametrize("arm", [0, 1])
@pytest.mark.parametrize("how", [{}, {"strata": "site"}, {"adjust": "age"}], ids=str)
def test_no_event_in_an_arm(how: dict[str, Any], arm: int) -> None:
    """The other arm's variance serves; what divides by nothing lost cannot be estimated."""
    for measure in ("difference", "ratio"):
        found = mean(without(arm), measure=measure, **how)
        assert found.estimable
        assert (found.value > found.null) == (arm == 1)
    assert survival(without(arm), **how).estimable
    if "adjust" not in how:
        unknown(mean(without(arm), measure="lost ratio", **how), "before 9 weeks")


@pytest.mark.parametrize("arm", [0, 1])
def test_no_event_in_an_arm_adjusted_lost_ratio(arm: int) -> None:
    """Nothing is lost in one arm: there is no ratio to tell."""
    assert not mean(without(arm), measure="lost ratio", adjust="age").estimable


def test_no_event_in_a_stratum() -> None:
    """It adds its share of full time, and no variance."""
    event = [e if s == "n" else 0 for e, s in zip(EVENT, SITE, strict=True)]
    week = [w if s == "n" else 10.0 for w, s in zip(WEEK, SITE, strict=True)]
    trial = read(ev=event, week=week)
    north = trial.column("site").values == list(trial.column("site").levels).index("n")
    frame = pd.DataFrame({"arm": ARM, "week": week, "ev": event})[north]
    alone = mean(
        ce.Trial.from_frame(frame, arm="arm", control=0, times={"re": ("week", "ev", "weeks")})
    )
    found = mean(trial, strata="site")
    assert found.value == pytest.approx(alone.value / 2, rel=1e-12)
    assert found.std_error == pytest.approx(alone.std_error / 2, rel=1e-12)


def test_one_person_an_arm() -> None:
    """Something of the arms is told, but no variance; a covariate is the arm."""
    table = {"arm": [0, 1], "week": [3.0, 5], "ev": [1, 1], "age": [20, 30]}
    trial = ce.Trial.from_frame(
        pd.DataFrame(table),
        arm="arm",
        control=0,
        covariates=["age"],
        times={"re": ("week", "ev", "weeks")},
    )
    for horizon in (2, 4, 5):
        unknown(mean(trial, horizon=horizon), f"before {horizon} weeks no event left anyone")
        unknown(survival(trial, at=horizon), "no variance")
        assert pseudo(trial, horizon=horizon) == [min(3, horizon), min(5, horizon)]
    with pytest.raises(ImpossibleDesign, match="'age' is a combination of the columns before it"):
        mean(trial, horizon=4, adjust="age")
    curve = restricted_mean_curve(trial, outcome="re")
    assert curve.time.tolist() == [3]
    assert np.isnan(curve.std_error).all()
    band = ce.survival_curve(trial, outcome="re", band="hall-wellner", interval="plain")
    assert np.isnan([band.low, band.high]).all()


def test_missing_covariates_are_counted() -> None:
    """Left out of both arms and of the pseudo-observations, and told."""
    trial = read(age=[None, None, None, *AGE[3:]])
    found = mean(trial, adjust="age")
    assert (found.n, found.missing) == ((4, 5), (2, 1))
    assert "3 more left out" in repr(found)


def test_missing_outcomes_are_left_out_of_pseudo_observations() -> None:
    """One row a person whose outcome is known."""
    trial = read(week=[np.nan, *WEEK[1:]], ev=[np.nan, *EVENT[1:]])
    found = pseudo_observations(trial, outcome="re", horizon=9)
    assert found["id"].tolist() == trial.ids[1:].tolist()


def test_landmark_counts_of_everyone() -> None:
    """In itt, those gone by the landmark are unknown; in its own set nobody is."""
    later = landmark(read(), outcome="re", at=6)
    name = "re after 6 weeks"
    gone = [sum(a == arm and w <= 6 for a, w in zip(ARM, WEEK, strict=True)) for arm in (0, 1)]
    assert ce.survival_curve(later, outcome=name).missing == tuple(gone)
    assert ce.survival_curve(later, outcome=name, analysis_set=name).missing == (0, 0)


def test_landmark_keeps_the_other_outcomes() -> None:
    """As they were."""
    later = landmark(read(), outcome="re", at=6)
    assert list(later.outcomes) == ["re", "any", "re after 6 weeks"]
    assert isinstance(later.outcome("any"), BinaryOutcome)


# --- faults found -----------------------------------------------------------------------------


def test_rounding_is_no_variance() -> None:
    """Nobody had anything by the horizon: unadjusted says so. Of 30 trials, as rounding varies."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 30))
        table = pd.DataFrame({"arm": rng.permutation(np.resize([0, 1], n)), "week": 10.0, "ev": 0})
        trial = ce.Trial.from_frame(
            table.assign(age=rng.integers(18, 60, n)),
            arm="arm",
            control=0,
            covariates=["age"],
            times={"re": ("week", "ev", "weeks")},
        )
        unknown(mean(trial), "before 9 weeks")
        unknown(mean(trial, adjust="age"), "")


def test_all_against_none_leaves_no_variance() -> None:
    """Each control person at 5, no treated one: survival 0 against 1, unadjusted not estimable."""
    for seed in range(30):
        ages = np.random.default_rng(seed).integers(18, 60, 12).tolist()
        trial = read(week=[5.0, 10] * 6, ev=[1, 0] * 6, age=ages)
        unknown(survival(trial), "no variance")
        unknown(survival(trial, adjust="age"), "")


def test_strata_that_are_the_arms_with_covariates() -> None:
    """Each stratum holds one arm: nothing can be compared, adjusted or not."""
    with pytest.raises(ImpossibleDesign):
        mean(adjust="age", strata="arms")


@pytest.mark.parametrize("measure", ["restricted mean", "survival"])
def test_pseudo_observations_of_a_cause_that_is_not_used(measure: str) -> None:
    """Asked for deaths, it hands out reoffences."""
    with pytest.raises(TrialError, match="`cause`"):
        pseudo(dying(), measure=measure, cause="death")


def test_incidence_is_known_once_everyone_had_an_event() -> None:
    """As survival is: no control person is left at 9, and each one's end is known."""
    event = [1 if a == 0 else e for e, a in zip(EVENT, ARM, strict=True)]
    week = [min(w, 8.0) if a == 0 else w for w, a in zip(WEEK, ARM, strict=True)]
    trial = dying(ev=event, week=week)
    assert survival(trial).by_arm[0] == 0
    assert incidence(trial).by_arm[0] == pytest.approx(1, rel=1e-12)


def test_band_at_any_level() -> None:
    """Each level that is let in is answered."""
    ce.survival_curve(read(), outcome="re", band="hall-wellner", level=1e-6)


def test_events_told_are_those_of_the_cause() -> None:
    """By week 9 nobody died: the deaths are at 10."""
    found = incidence(cause="death", at=9)
    assert found.events == (0, 0)


@pytest.mark.parametrize("verb", list(THREE))
def test_strata_of_the_randomisation(verb: str) -> None:
    """None means the strata of the randomisation, as elsewhere, or is refused by name."""
    try:
        THREE[verb](strata=None)
    except TrialError as told:
        assert "`strata`" in str(told)  # noqa: PT017 - either way will do
