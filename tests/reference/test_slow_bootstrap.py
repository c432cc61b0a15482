"""Bootstrap intervals against each draw made again, person by person, from the same numbers.

The generator is spawned once for each arm and once more for each stratum, and draws whole numbers
of 32 bits: so the very people of every draw are known, and nothing is left to chance.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import slow_bootstrap as slow
from slow_bootstrap import History, Person

import checkpoint_eval as ce
from checkpoint_eval.models import bootstrap_interval
from checkpoint_eval.outcomes import Episodes
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.observed import TimeToEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoint_eval.models.event_tables import EventTable

DRAWS = 150
CLOSE = 1e-9  # products and sums of some twenty fractions; Newton's and halving's last digits
SIZES = (13, 10)
SEEDS = range(4)


def peto(table: EventTable) -> np.ndarray[Any, Any]:
    """A statistic of a user's own: Peto's log odds ratio, of all draws at once."""
    r, d = table.at_risk, table.events
    n, total = r.sum(axis=1), d.sum(axis=1)
    some = np.maximum(n, 1)
    over = (d[:, 1] - total * r[:, 1] / some).sum(axis=-1)
    spread = total * r[:, 0] * r[:, 1] * (n - total) / (some**2 * np.maximum(n - 1, 1))
    variance = spread.sum(axis=-1)
    return np.divide(over, variance, out=np.full(over.shape, np.nan), where=variance > 0)


def statistics(at: Fraction) -> dict[str, tuple[Any, Callable[..., Any], bool]]:
    """Name: how the library is asked, the twin of two groups of people, and whether it has `at`."""

    def mean(people: Sequence[Person]) -> Fraction:
        return slow.restricted_mean(people, at)

    named = {
        "restricted mean difference": slow.difference(mean),
        "restricted mean ratio": slow.ratio(mean),
        "restricted mean lost ratio": slow.ratio(lambda people: at - mean(people)),
        "survival difference": slow.difference(lambda people: slow.survival(people, at)),
        "risk ratio": slow.ratio(lambda people: 1 - slow.survival(people, at)),
        "median difference": slow.difference(slow.median),
        "hazard ratio": slow.hazard_ratio,
        "cumulative incidence difference": slow.difference(lambda who: slow.incidence(who, at)),
        "mean events difference": slow.difference(lambda who: slow.mean_events(who, at)),
        "mean events ratio": slow.ratio(lambda who: slow.mean_events(who, at)),
    }
    all_of_follow_up = ("median difference", "hazard ratio")
    found = {name: (name, twin, name not in all_of_follow_up) for name, twin in named.items()}
    return found | {"own": (peto, slow.peto, False)}


NAMES = list(statistics(Fraction(1)))


class Made:
    """A small trial with half weeks, ties, three suites, gaps at risk and people never at risk."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = sum(SIZES)
        self.arm = rng.permutation(np.repeat([0, 1], SIZES))
        self.site = rng.permutation(np.arange(n) % 3)
        end, first = rng.integers(5, 15, n), rng.integers(1, 18, n)
        time = np.minimum(end, first)
        kind = np.where(first <= end, rng.choice([1, 1, 2], n), 0)
        last = [int(np.where(self.arm == code, time, -1).argmax()) for code in (0, 1)]
        horizon = int(time[last].min()) - 1
        if seed % 2:  # the last of each arm has the event: survival is 0 before the horizon
            time[last] += 1
            kind[last] = 1
            horizon = int(time[last].max()) + 3
        self.horizon = Fraction(horizon, 2)
        self.people = [Person(Fraction(int(t), 2), int(k)) for t, k in zip(time, kind, strict=True)]
        self.histories = [history(rng) for _ in range(n)]
        self.until = min(
            max(b for one in self.of(self.histories, code) for _, b in one.at_risk)
            for code in (0, 1)
        )

    def of(self, values: Sequence[Any], code: int, site: int | None = None) -> list[Any]:
        """What belongs to the people of an arm, and of a suite of it, in their order."""
        rows = zip(values, self.arm, self.site, strict=True)
        return [one for one, a, s in rows if a == code and site in (None, s)]

    def trial(self) -> ce.Trial:
        """Read it."""
        kind = np.array([one.kind for one in self.people])
        time = np.array([float(one.time) for one in self.people])
        rows = [
            (i, float(a), float(b), b in one.events)
            for i, one in enumerate(self.histories)
            for a, b in one.at_risk
        ]
        person, start, stop, event = zip(*rows, strict=True)
        return ce.Trial(
            assignment=ce.Assignment(
                arm=self.arm, arms=("court", "contract"), stratum=0 * self.site
            ),
            outcomes={
                "re": TimeToEvent(time=time, event=kind == 1, unit="weeks"),
                "end": TimeToEvent(
                    time=time,
                    event=kind == 1,
                    unit="weeks",
                    competing=(kind == 2).astype(int),
                    causes=("death",),
                ),
                "again": Episodes(
                    person=person,
                    start=start,
                    stop=stop,
                    event=event,
                    people=len(self.people),
                    unit="weeks",
                ),
            },
            columns={
                "site": Covariate(
                    name="site", values=self.site.astype(float), levels=("n", "s", "w")
                )
            },
            covariates=("site",),
        )


def history(rng: np.random.Generator) -> History:
    """Up to four intervals, some with a gap before and some with an event at the end."""
    edges = np.sort(rng.choice(np.arange(16), size=2 * rng.integers(0, 5), replace=False))
    pairs = [(Fraction(int(a), 2), Fraction(int(b), 2)) for a, b in edges.reshape(-1, 2)]
    return History(tuple(pairs), tuple(b for _, b in pairs if rng.random() < 0.6))


def one_by_one(
    made: Made, name: str, twin: Callable[..., Any], seed: int, *, sites: bool
) -> tuple[Any, list[Any], list[list[Any]]]:
    """The statistic of all, of each draw, and without each person by arm and suite."""
    values: Sequence[Any] = made.histories if name.startswith("mean events") else made.people
    if name != "cumulative incidence difference" and values is made.people:
        values = [Person(one.time, int(one.kind == 1)) for one in values]
    groups = [
        [made.of(values, code, site) for site in (range(3) if sites else [None])] for code in (0, 1)
    ]
    groups = [[part for part in parts if part] for parts in groups]
    chosen = [
        [
            stream.integers(0, len(part), (DRAWS, len(part)), dtype=np.uint32)
            for part, stream in zip(parts, child.spawn(len(parts)), strict=True)
        ]
        for parts, child in zip(groups, np.random.default_rng(seed).spawn(2), strict=True)
    ]
    drawn = []
    for b in range(DRAWS):
        again = [
            [part[i] for part, who in zip(parts, rows, strict=True) for i in who[b]]
            for parts, rows in zip(groups, chosen, strict=True)
        ]
        drawn.append(twin(*again))
    whole = [[one for part in parts for one in part] for parts in groups]
    left_out = []
    for code, parts in enumerate(groups):
        for k, part in enumerate(parts):
            rest = [one for other in parts[:k] + parts[k + 1 :] for one in other]
            pairs = []
            for i in range(len(part)):
                both = list(whole)
                both[code] = rest + part[:i] + part[i + 1 :]
                pairs.append(twin(*both))
            left_out.append(pairs)
    return twin(*whole), drawn, left_out


def floats(values: Sequence[Any]) -> list[float]:
    """Those that have a value."""
    return [float(one) for one in values if one is not None]


@pytest.mark.parametrize("sites", [False, True], ids=["arms", "arms and suites"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_intervals(seed: int, name: str, sites: bool) -> None:
    """Value, both kinds of interval at two levels, standard error and draws without a value."""
    made = Made(seed)
    at = made.until if name.startswith("mean events") else made.horizon
    asked, twin, timed = statistics(at)[name]
    value, drawn, left_out = one_by_one(made, name, twin, 90 + seed, sites=sites)
    known, lost = floats(drawn), DRAWS - len(floats(drawn))
    jack = [[None if one is None else float(one) for one in part] for part in left_out]
    outcome = {"c": "end", "m": "again"}.get(name[0], "re") if name != "median difference" else "re"
    for interval in ("percentile", "bca"):
        for level in (0.9, 0.95):
            found = bootstrap_interval(
                made.trial(),
                outcome=outcome,
                statistic=asked,
                **({"horizon": float(at)} if timed else {}),
                interval=interval,
                level=level,
                draws=DRAWS,
                strata="site" if sites else (),
                rng=np.random.default_rng(90 + seed),
            )
            assert (f"({lost} not estimable left out)" in found.method) == (lost > 0)
            if value is None:
                assert math.isnan(found.value)
                continue
            assert found.value == pytest.approx(float(value), rel=CLOSE, abs=CLOSE)
            z0 = a = 0.0
            if interval == "bca":
                z0, a = slow.bias(known, float(value)), slow.acceleration(jack)
            want = slow.ends(known, level, z0, a)
            assert found.low == pytest.approx(min(want[0], float(value)), rel=CLOSE, abs=CLOSE)
            assert found.high == pytest.approx(max(want[1], float(value)), rel=CLOSE, abs=CLOSE)
            spread = [math.log(x) for x in known if x > 0] if name.endswith("ratio") else known
            assert found.std_error == pytest.approx(np.std(spread, ddof=1), rel=CLOSE)
