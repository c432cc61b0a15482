"""A bootstrap interval of 2,000 draws beside one draw of the resampling indices."""

import time

import numpy as np
import pandas as pd
from measuring import Contender, Target, clocked, race

import checkpoint_eval as ce
from checkpoint_eval.models import bootstrap_interval, restricted_mean
from checkpoint_eval.models.event_tables import EventTable
from checkpoint_eval.models.restricted_means import restricted_mean_of

DRAWS = 2_000
PEOPLE = 1_000
DAYS = 365
RESTRICTED = "restricted mean difference"
# Statistics with the horizon, or with all of follow-up; the target is the first one's.
TO_THE_HORIZON = (RESTRICTED, "restricted mean ratio", "survival difference", "risk ratio")
UNTIL_THE_END = ("median difference", "hazard ratio")


def run(repeats: int) -> None:
    """Race each statistic, its interval and a statistic of one's own against the indices alone."""
    people = _people()
    events = int(people["event"].sum())
    days = people["days"].nunique()
    print(f"  {PEOPLE:,} people, {events} events on {days} distinct days, {DRAWS:,} draws")
    print(f"  restricted mean difference by formula: {_by_formula(people)}")
    contenders = [clocked("indices alone", _indices)]
    contenders += [
        _interval(f"{RESTRICTED}, percentiles", people, horizon=DAYS, interval="percentile")
    ]
    contenders += [_interval(name, people, statistic=name, horizon=DAYS) for name in TO_THE_HORIZON]
    contenders += [_interval(name, people, statistic=name) for name in UNTIL_THE_END]
    contenders += [_interval("one's own restricted mean", people, statistic=_own)]
    targets = [
        Target(slow=each.name, fast="indices alone", at_most=5 if RESTRICTED in each.name else None)
        for each in contenders[1:]
    ]
    race(contenders, targets, repeats=repeats, answer="standard error")


def _people() -> pd.DataFrame:
    """Whole days, 500 an arm; 30 % leave at random before a year is out, 40 % have the event."""
    rng = np.random.default_rng(3)
    event = np.ceil(rng.exponential(600, PEOPLE))
    end = np.where(rng.random(PEOPLE) < 0.7, DAYS, rng.integers(90, DAYS + 1, PEOPLE))
    return pd.DataFrame(
        {
            "arm": np.repeat([0, 1], PEOPLE // 2),
            "days": np.minimum(event, end),
            "event": event <= end,
        }
    )


def _read(people: pd.DataFrame) -> ce.Trial:
    return ce.Trial.from_frame(
        people, arm="arm", control=0, times={"rearrest": ("days", "event", "days")}
    )


def _indices() -> float:
    np.random.default_rng(1).integers(0, PEOPLE, (DRAWS, PEOPLE))
    return float("nan")


def _interval(name: str, people: pd.DataFrame, **how: object) -> Contender:
    """Return an interval of a trial that was just read, which is not clocked."""

    def lap() -> tuple[float, float]:
        trial, rng = _read(people), np.random.default_rng(1)
        start = time.perf_counter()
        found = bootstrap_interval(trial, outcome="rearrest", draws=DRAWS, rng=rng, **how)
        return time.perf_counter() - start, found.std_error

    return Contender(name=name, lap=lap)


def _own(table: EventTable) -> np.ndarray:
    mean = restricted_mean_of(table, horizon=DAYS).mean
    return mean[:, 1] - mean[:, 0]


def _by_formula(people: pd.DataFrame) -> str:
    found = restricted_mean(_read(people), outcome="rearrest", horizon=DAYS)
    return f"standard error {found.std_error:.6g}"
