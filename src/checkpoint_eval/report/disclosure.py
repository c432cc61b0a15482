"""What may be told of how many people: the rule by which counts are withheld and rounded."""

from dataclasses import dataclass
from math import inf

from checkpoint_eval._checks import check_count
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.withheld import Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure(Shown):
    """The rule of a report that leaves the building.

    Attributes
    ----------
    threshold : int
        Counts below it are withheld: at least 2.
    round_to : int
        Every other count is rounded to the nearest multiple; 1 for no rounding. It divides the
        threshold, so that nothing is rounded to less than that.

    Examples
    --------
    >>> rule = Disclosure(threshold=10, round_to=5)
    >>> rule.published(43), rule.published(4)
    (45, <10)
    >>> rule.possible(45)
    (43, 47)
    """

    threshold: int = 10
    round_to: int = 5

    def __post_init__(self) -> None:
        check_count(self.threshold, "threshold", least=2)
        check_count(self.round_to, "round_to")
        if self.threshold % self.round_to:
            raise TrialError(
                f"`round_to` is {self.round_to}, which does not divide the threshold of "
                f"{self.threshold}, so that counts that may be told would be rounded below it; "
                "give a divisor."
            )

    @property
    def least_possible(self) -> int:
        """How many values at least must stay possible for every count below the threshold."""
        return max(2, -(-self.threshold // 3))

    @property
    def _may_tell_none(self) -> bool:
        """Whether a 0 may be told of some counts: were it told beside "<2", that would be one."""
        return self.threshold > 2

    @property
    def told(self) -> str:
        """The rule in sentences, for the page."""
        rounded = (
            f"every other count is rounded to the nearest {self.round_to}"
            if self.round_to > 1
            else "every other count is told as it is"
        )
        nobody = " That nobody is missing is told." if self._may_tell_none else ""
        return (
            f"Counts below {self.threshold} are withheld and printed “<{self.threshold}”; "
            f"{rounded}.{nobody} A count printed “withheld” is not small, but would tell one that "
            "is. Totals are sums of what is printed, and shares are computed from it, so neither "
            "tells more, and they may differ a little from other texts. "
            f"An effect is not shown where fewer than {self.threshold} people of an arm had the "
            "event, or did not, or where it would tell such a number beside others. Each step of a "
            f"curve stands for at least {self.threshold} events in every arm, and comes no earlier "
            "than they did. Means and totals of an arm are not shown where all but fewer than "
            f"{self.threshold} of its people have the same value, nor where one has so much that "
            "all others but the next have less than a tenth of it together. All statistics were "
            "computed from the true counts; what is said of methods leaves out numbers that were "
            "found in the data."
        )

    @property
    def in_a_line(self) -> str:
        """The rule in a line, for files that are read alone."""
        rounded = f", others rounded to {self.round_to}" if self.round_to > 1 else ""
        return f"counts below {self.threshold} withheld{rounded}"

    def published(self, count: int, *, zero: bool = False) -> "int | Withheld":
        """Return what is told of a count; with `zero`, that there is nobody may be told."""
        if count < self.threshold and not (zero and count == 0 and self._may_tell_none):
            return Withheld(below=self.threshold)
        # Halves up; Python's own rounding would send them to the even neighbour.
        return (2 * count + self.round_to) // (2 * self.round_to) * self.round_to

    def possible(self, told: "int | Withheld", *, zero: bool = False) -> tuple[float, float]:
        """Return the least and the greatest count that would have been told like this."""
        if isinstance(told, Withheld):
            least = int(zero and self._may_tell_none)
            return (least, told.below - 1) if told.below is not None else (self.threshold, inf)
        if zero and told == 0:
            return 0, 0
        low, high = told - self.round_to // 2, told + (self.round_to - 1) // 2
        return max(low, self.threshold), high


def told_of(rule: Disclosure | None) -> str:
    """Return in a line by which rule counts are told, or that every one is."""
    return "none: every count is told" if rule is None else rule.in_a_line
