"""What can be promised of an outcome: every measure, once, with what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Kinds of outcome, and how a message calls them.
KINDS: dict[str, str] = {
    "time": "time-to-event",
    "binary": "binary",
    "count": "count",
    "numeric": "numeric",
    "ordinal": "ordinal",
    "repeated": "repeated-events",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure that a protocol may name.

    Attributes
    ----------
    name : str
    kinds : tuple of {"time", "binary", "count", "numeric", "ordinal", "repeated"}
        Of outcome that it can be computed of.
    adjust : {"none", "may", "must"}
        Whether covariates adjust it.
    timed : bool
        Whether it is read at the outcome's time point, where the outcome has a clock.
    test : bool
        Whether it is one test of all arms, rather than an estimate for each treatment arm.
    two_arms : bool
        Whether it compares two arms only.
    needs : {"", "received", "navigators", "competing"}
        Which column the protocol must name for it beside those of every outcome of its kind.
    """

    name: str
    kinds: tuple[str, ...]
    adjust: Literal["none", "may", "must"] = "none"
    timed: bool = False
    test: bool = False
    two_arms: bool = False
    needs: Literal["", "received", "navigators", "competing"] = ""

    @property
    def redrawn(self) -> bool:
        """Whether its p comes from allocations drawn again by the trial's rule."""
        return self.name.startswith("randomisation test")

    @property
    def scale(self) -> Literal["difference", "ratio"]:
        """Whether no effect is 0 or 1."""
        return "ratio" if self.name.endswith(("ratio", "odds")) else "difference"


def _redrawn(
    statistic: str,
    *kinds: str,
    timed: bool = False,
    adjust: Literal["none", "must"] = "none",
    needs: Literal["", "competing"] = "",
) -> Measure:
    return Measure(
        name=f"randomisation test ({statistic})",
        kinds=kinds,
        adjust=adjust,
        timed=timed,
        test=True,
        two_arms=True,
        needs=needs,
    )


_SHARES, _TIMES, _AMOUNTS = ("time", "binary"), ("time",), ("numeric", "ordinal")
_NUMBERS = ("numeric", "ordinal", "count")

_ALL = (
    Measure(name="risk difference", kinds=_SHARES, adjust="may", timed=True),
    Measure(name="risk ratio", kinds=_SHARES, adjust="may", timed=True),
    Measure(name="odds ratio", kinds=_SHARES, adjust="may", timed=True),
    Measure(name="hazard ratio", kinds=_TIMES, adjust="may"),
    Measure(name="marginal hazard ratio", kinds=_TIMES, adjust="must"),
    Measure(name="restricted mean difference", kinds=_TIMES, adjust="may", timed=True),
    Measure(name="restricted mean ratio", kinds=_TIMES, adjust="may", timed=True),
    Measure(name="restricted mean time lost ratio", kinds=_TIMES, adjust="may", timed=True),
    Measure(name="survival difference", kinds=_TIMES, adjust="may", timed=True),
    Measure(
        name="cumulative incidence difference",
        kinds=_TIMES,
        adjust="may",
        timed=True,
        needs="competing",
    ),
    Measure(name="subdistribution hazard ratio", kinds=_TIMES, adjust="may", needs="competing"),
    Measure(name="log-rank test", kinds=_TIMES, test=True),
    Measure(
        name="covariate-adjusted log-rank test",
        kinds=_TIMES,
        adjust="must",
        test=True,
        two_arms=True,
    ),
    Measure(name="MaxCombo test", kinds=_TIMES, test=True, two_arms=True),
    Measure(name="Gray's test", kinds=_TIMES, test=True, needs="competing"),
    Measure(name="mean difference", kinds=_NUMBERS, adjust="may"),
    Measure(name="trimmed mean difference", kinds=_AMOUNTS),
    Measure(name="winsorised mean difference", kinds=_AMOUNTS),
    Measure(name="superiority probability", kinds=_AMOUNTS),
    Measure(name="ordinal odds ratio", kinds=("ordinal",), adjust="may"),
    Measure(name="rate ratio", kinds=("count",), adjust="may"),
    Measure(name="recurrent rate ratio", kinds=("repeated",), adjust="may"),
    Measure(name="mean events difference", kinds=("repeated",), timed=True),
    Measure(name="mean events with death difference", kinds=("repeated",), timed=True),
    Measure(name="while-alive rate ratio", kinds=("repeated",), timed=True),
    Measure(name="win ratio", kinds=("time", *_AMOUNTS)),
    Measure(name="win odds", kinds=("time", *_AMOUNTS)),
    Measure(name="net benefit", kinds=("time", *_AMOUNTS)),
    Measure(
        name="complier average effect",
        kinds=(*_SHARES, *_NUMBERS),
        adjust="may",
        timed=True,
        needs="received",
    ),
    Measure(
        name="partially nested difference",
        kinds=("binary", *_NUMBERS),
        adjust="may",
        needs="navigators",
    ),
    _redrawn("log-rank", *_TIMES),
    _redrawn("risk difference", *_SHARES, timed=True),
    _redrawn("restricted mean difference", *_TIMES, timed=True),
    _redrawn("survival difference", *_TIMES, timed=True),
    _redrawn("cumulative incidence difference", *_TIMES, timed=True, needs="competing"),
    _redrawn("mean difference", *_NUMBERS),
    _redrawn("studentised difference", *_NUMBERS),
    _redrawn("adjusted difference", "binary", *_NUMBERS, adjust="must"),
    _redrawn("rank sum", *_NUMBERS),
    _redrawn("mean events difference", "repeated", timed=True),
)
MEASURES: Mapping[str, Measure] = {each.name: each for each in _ALL}


def measures_of(kind: str) -> tuple[str, ...]:
    """Return the names of the measures of one kind of outcome."""
    return tuple(each.name for each in _ALL if kind in each.kinds)
