"""The counts of a report, heard once and then told by the rule."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_amounts import Held
from checkpoint_eval.report.disclosure_audit import (
    Cell,
    Kind,
    Print,
    Sum,
    Told,
    withhold_partners,
)
from checkpoint_eval.report.withheld import Withheld

# Of whom an effect must not tell: people with an outcome, or of a subgroup; not who is missing.
OF_OUTCOMES = ("analysed", "events", "rest of events")


class Counts(Protocol):
    """What a walk over an evaluation asks of every count: what may be told of it."""

    @property
    def rule(self) -> Disclosure:
        """The rule."""

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers in words that count nobody."""

    @property
    def amounts(self) -> Held:
        """How much each person has, where that is known."""

    @property
    def few(self) -> Set[Kind]:
        """Kinds that `hold` was told of."""

    def tell(
        self,
        kind: Kind,
        count: Told,
        *,
        zero: bool = False,
        keep: bool = False,
        exact: bool = False,
    ) -> Told:
        """Return what may be told of a count.

        `zero`: that there is nobody may be told. `keep`: others are withheld before this one is.
        `exact`: an effect told beside it is a function of it.
        """

    def add_up(self, whole: Cell, parts: Iterable[Cell], *, all_of_it: bool = True) -> None:
        """State that parts make a whole; not all of it: that a rest is left, be it nobody."""

    def hold(self, kind: Kind) -> None:
        """State that few people make what is told of a kind: no effect on it may be told."""

    def is_closed(self, kind: Kind, count: int) -> bool:
        """Whether an effect that would tell a count must not be told."""

    def hides(self, *names: str) -> bool:
        """Whether a count of one of these names is withheld."""


class HeardCounts:
    """Every count of a report as it is, and which of them add up; `settle` says what is told.

    A first walk hears them, a second, of what `settle` returns, tells them. Counts of one kind are
    taken to be nested: whoever is in a smaller one is in a larger one, as analysis sets are, and
    events by time. `names` hold numbers that count nobody, `amounts` how much each person has.
    """

    def __init__(
        self, rule: Disclosure, *, names: tuple[str, ...] = (), amounts: Held | None = None
    ) -> None:
        self.rule = rule
        self.names = names
        self.amounts: Held = amounts or {}
        self.heard: dict[Cell, None] = {}
        self.sums: dict[Sum, None] = {}
        self.zeros: set[Kind] = set()
        self.kept: set[Cell] = set()
        self.exact: set[Cell] = set()
        self.few: set[Kind] = set()

    def tell(
        self,
        kind: Kind,
        count: Told,
        *,
        zero: bool = False,
        keep: bool = False,
        exact: bool = False,
    ) -> Told:
        """Hear a count, and return it."""
        if isinstance(count, Withheld):
            raise TrialError(
                f"The number of {kind[0]!r} is withheld already; protect the evaluation that "
                "`evaluate` returned."
            )
        cell = kind, int(count)
        self.heard[cell] = None
        self.zeros.update([kind] if zero else ())
        self.kept.update([cell] if keep else ())
        self.exact.update([cell] if exact else ())
        return cell[1]

    def add_up(self, whole: Cell, parts: Iterable[Cell], *, all_of_it: bool = True) -> None:
        """Hear that parts make a whole."""
        several = tuple(parts)
        rest = whole[1] - sum(count for _, count in several)
        if rest < 0:
            return
        if rest or not all_of_it:
            kind = f"rest of {whole[0][0]}", repr((whole, several)), whole[0][-1]
            several = (*several, (kind, rest))
        self.sums[whole, several] = None

    def hold(self, kind: Kind) -> None:
        """Hear that few people make what is told of a kind."""
        self.few.add(kind)

    def is_closed(self, kind: Kind, count: int) -> bool:
        """Return that nothing is closed yet."""
        del kind, count
        return False

    def hides(self, *names: str) -> bool:
        """Return that nothing is hidden yet."""
        del names
        return False

    def settle(self) -> "SettledCounts":
        """Decide what is told, now that every count and sum has been heard."""
        self._nest()
        rule, sums = self.rule, list(self.sums)
        told = {
            (kind, count): rule.published(count, zero=kind in self.zeros)
            for kind, count in self.heard
        }
        report = Print(rule=rule, told=told, zeros=self.zeros, kept=self.kept)
        withhold_partners(report, sums)
        # And once more for a reader who solves the arithmetic of effects.
        report = replace(report, exact={each for each in self.exact if report.is_open(each)})
        withhold_partners(report, sums, only=lambda cell: cell[0][0] in OF_OUTCOMES)
        return SettledCounts(
            rule=rule,
            names=self.names,
            amounts=self.amounts,
            report=report,
            sums=tuple(sums),
            few=frozenset(self.few),
        )

    def _nest(self) -> None:
        """Hear the differences of counts of one kind that are small."""
        counts: dict[Kind, set[int]] = {}
        added = (cell for whole, parts in self.sums for cell in (whole, *parts))
        for kind, count in (*self.heard, *added):
            counts.setdefault(kind, set()).add(count)
        for kind, several in counts.items():
            for low, high in combinations(sorted(several), 2):
                if high - low < self.rule.threshold:
                    self.add_up((kind, high), [(kind, low)])


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledCounts:
    """What is told of every count that was heard; `report` is that as a reader has it."""

    rule: Disclosure
    names: tuple[str, ...]
    amounts: Held
    report: Print
    sums: tuple[Sum, ...]
    few: Set[Kind]

    def tell(
        self,
        kind: Kind,
        count: Told,
        *,
        zero: bool = False,
        keep: bool = False,
        exact: bool = False,
    ) -> Told:
        """Return what is told of a count."""
        del zero, keep, exact
        return self.report.told[kind, int(count)]

    def add_up(self, whole: Cell, parts: Iterable[Cell], *, all_of_it: bool = True) -> None:
        """Do nothing: sums have been heard."""

    def hold(self, kind: Kind) -> None:
        """Do nothing: kinds of few have been heard."""

    def is_closed(self, kind: Kind, count: int) -> bool:
        """Whether an effect that would tell a count must not be told."""
        return (kind, count) not in self.report.exact

    def hides(self, *names: str) -> bool:
        """Whether a count of one of these names is withheld."""
        return any(
            isinstance(told, Withheld) and kind[0] in names
            for (kind, _), told in self.report.told.items()
        )
