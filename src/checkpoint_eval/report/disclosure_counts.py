"""The counts of a report, heard once and then told by the rule."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.disclosure import Disclosure
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


class Counts:
    """Every count a report tells, and which of them add up.

    The nouns are walked twice. First each count is heard and answered with itself; after `settle`
    the answer is what may be told. Counts of one kind are taken to be nested: whoever is in a
    smaller one is in a larger one, as analysis sets are, and events by time. `names` hold numbers
    that count nobody.
    """

    def __init__(self, rule: Disclosure, *, names: tuple[str, ...] = ()) -> None:
        self.rule = rule
        self.names = names
        self.told: dict[Cell, Told] = {}
        self.sums: dict[Sum, None] = {}
        self.zeros: set[Kind] = set()
        self.kept: set[Cell] = set()
        self.exact: set[Cell] = set()
        self.few: set[Kind] = set()
        self.listening = [True]

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
        if isinstance(count, Withheld):
            raise TrialError(
                f"The number of {kind[0]!r} is withheld already; protect the evaluation that "
                "`evaluate` returned."
            )
        cell = kind, int(count)
        if not self.listening:
            return self.told[cell]
        self.told[cell] = cell[1]
        self.zeros.update([kind] if zero else ())
        self.kept.update([cell] if keep else ())
        self.exact.update([cell] if exact else ())
        return cell[1]

    def is_closed(self, kind: Kind, count: int) -> bool:
        """Whether an effect that would tell a count must not be told."""
        return not self.listening and (kind, count) not in self.exact

    def hold(self, kind: Kind) -> None:
        """State that few people make what is told of a kind: no effect on it may be told."""
        self.few.add(kind)

    def hides(self, *names: str) -> bool:
        """Whether a count of one of these names is withheld."""
        return any(
            isinstance(told, Withheld) and kind[0] in names for (kind, _), told in self.told.items()
        )

    def add_up(self, whole: Cell, parts: Iterable[Cell], *, all_of_it: bool = True) -> None:
        """State that parts make a whole; not all of it: that a rest is left, be it nobody."""
        several = tuple(parts)
        rest = whole[1] - sum(count for _, count in several)
        if not self.listening or rest < 0:
            return
        if rest or not all_of_it:
            kind = f"rest of {whole[0][0]}", repr((whole, several)), whole[0][-1]
            several = (*several, (kind, rest))
        self.sums[whole, several] = None

    def settle(self) -> None:
        """Decide what is told, now that every count and sum has been heard."""
        self._nest()
        self.listening.clear()
        for kind, count in self.told:
            self.told[kind, count] = self.rule.published(count, zero=kind in self.zeros)
        counts = self.report()
        withhold_partners(replace(counts, exact=set()), list(self.sums))
        # And once more for a reader who solves the arithmetic of effects.
        self.exact.intersection_update([each for each in self.told if counts.is_open(each)])
        withhold_partners(counts, list(self.sums), only=lambda cell: cell[0][0] in OF_OUTCOMES)

    def report(self) -> Print:
        """Return what is told, as a reader has it."""
        return Print(
            rule=self.rule, told=self.told, zeros=self.zeros, kept=self.kept, exact=self.exact
        )

    def _nest(self) -> None:
        """Hear the differences of counts of one kind that are small."""
        counts: dict[Kind, set[int]] = {}
        added = (cell for whole, parts in self.sums for cell in (whole, *parts))
        for kind, count in (*self.told, *added):
            counts.setdefault(kind, set()).add(count)
        for kind, several in counts.items():
            for low, high in combinations(sorted(several), 2):
                if high - low < self.rule.threshold:
                    self.add_up((kind, high), [(kind, low)])
