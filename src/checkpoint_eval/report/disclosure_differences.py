"""Two reports side by side: what the difference of their counts would tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import TYPE_CHECKING

from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_audit import Cell, Kind, Told
from checkpoint_eval.report.disclosure_protecting import walked
from checkpoint_eval.report.evaluation import Evaluation

if TYPE_CHECKING:
    from checkpoint_eval.report.disclosure_amounts import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Differenced(Shown):
    """Two published counts of the same thing that together tell a small one.

    Attributes
    ----------
    what, arm : str
        What is counted, and in which arm.
    first, second : int or Withheld
        As each report tells it.
    low, high : int
        How many people the difference can be of. Where both reports are of the same data and count
        the same people, how many these can be.
    """

    what: str
    arm: str
    first: Told
    second: Told
    low: int
    high: int


def differencing(
    first: Evaluation, second: Evaluation, *, disclosure: Disclosure | None = None
) -> tuple[Differenced, ...]:
    """List the counts of two reports whose difference tells a small count.

    Such as this year's report and last year's, or one of all people and one of some.

    Parameters
    ----------
    first, second : Evaluation
        As they are published: protected, or not.
    disclosure : Disclosure, optional
        Which differences are small, and how many values must stay possible. Default: that of
        `second`, or a threshold of 10 where it is not protected.

    Returns
    -------
    tuple of Differenced
        Empty when no difference tells too much.

    Raises
    ------
    TrialError
        For anything that is not an evaluation.

    Notes
    -----
    Counts of the same kind in the same arm are compared, in every analysis set and at every time,
    as if the smaller people were among the larger. Curves are not compared step by step. No
    difference at all is listed only where it tells a withheld count.

    References
    ----------
    Griffiths et al. (2019), Handbook on Statistical Disclosure Control for Outputs (differencing).
    Checked against hand-counted tables and against every pair of counts with the same print.

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> from checkpoint_eval.report import protect
    >>> whole = evaluate(load_rossi())
    >>> differencing(protect(whole), protect(whole))
    ()
    """
    for each in (first, second):
        if not isinstance(each, Evaluation):
            raise TrialError(
                f"`differencing` compares two evaluations, got {type(each).__name__}; see "
                "`evaluate`."
            )
    rule = disclosure or second.protected or Disclosure()
    heard = [_heard(each) for each in (first, second)]
    same = first.data_digest == second.data_digest
    found = _pairs(heard[0], heard[1], rule, same=same)
    return tuple(sorted(found, key=lambda each: (each.what, each.arm, each.low, each.high)))


class _Listening:
    """The counts of a report as it tells them, by kind, each with what it can stand for."""

    def __init__(self, rule: Disclosure | None) -> None:
        self.rule = rule or Disclosure()
        self.as_is = rule is None
        self.names: tuple[str, ...] = ()
        self.amounts: Held = {}
        self.few: frozenset[Kind] = frozenset()
        self.heard: dict[Kind, dict[Told, tuple[float, float]]] = {}

    def tell(
        self,
        kind: Kind,
        count: Told,
        *,
        zero: bool = False,
        keep: bool = False,
        exact: bool = False,
    ) -> Told:
        del keep, exact
        ends = (count, count) if self.as_is else self.rule.possible(count, zero=zero)
        self.heard.setdefault(kind, {})[count] = ends
        return count

    def add_up(self, whole: Cell, parts: Iterable[Cell], *, all_of_it: bool = True) -> None:
        """Do nothing: what adds up is told already."""

    def hold(self, kind: Kind) -> None:
        """Do nothing: effects are told already."""

    def is_closed(self, kind: Kind, count: int) -> bool:
        del kind, count
        return False

    def hides(self, *names: str) -> bool:
        del names
        return False


def _heard(evaluation: Evaluation) -> dict[Kind, dict[Told, tuple[float, float]]]:
    counts = _Listening(evaluation.protected)
    walked(replace(evaluation, curves=()), counts)
    return counts.heard


def _pairs(
    first: dict[Kind, dict[Told, tuple[float, float]]],
    second: dict[Kind, dict[Told, tuple[float, float]]],
    rule: Disclosure,
    *,
    same: bool,
) -> Iterator[Differenced]:
    for kind in first.keys() & second.keys():
        for (one, ends), (other, others) in product(first[kind].items(), second[kind].items()):
            # Of the same data a kind with one count has the same people in both.
            alike = same and len(first[kind]) == len(second[kind]) == 1
            found = _both(ends, others) if alike else _between(ends, others)
            if (alike and ends == others) or not _tells(*found, rule):
                continue
            *words, arm = kind
            yield Differenced(
                what=", ".join(filter(None, words)),
                arm=arm,
                first=one,
                second=other,
                low=int(found[0]),
                high=int(found[1]),
            )


def _both(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return what a count can be that is told in two ways."""
    return max(one[0], other[0]), min(one[1], other[1])


def _between(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return how far apart two counts can be."""
    return max(0, one[0] - other[1], other[0] - one[1]), max(one[1] - other[0], other[1] - one[0])


def _tells(low: float, high: float, rule: Disclosure) -> bool:
    """Whether that is small, and known too closely; 0 apart is nobody."""
    return 0 < high < inf and low < rule.threshold and high - low + 1 < rule.least_possible
