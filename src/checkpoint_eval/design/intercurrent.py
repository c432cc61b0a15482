"""Intercurrent events of ICH E9(R1): what happens after randomisation and changes the question."""

from collections.abc import Iterable
from dataclasses import dataclass

from checkpoint_eval._checks import check_choice
from checkpoint_eval.errors import InvalidProtocol

TREATMENT_POLICY = "treatment policy"
STRATEGIES: tuple[str, ...] = (
    TREATMENT_POLICY,
    "hypothetical",
    "composite",
    "while on treatment",
    "principal stratum",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntercurrentEvent:
    """One intercurrent event and the strategy by which an estimand takes account of it.

    Attributes
    ----------
    event : str
        What happens, such as "contract breached" or "custody during follow-up".
    strategy : {"treatment policy", "hypothetical", "composite", "while on treatment", \
"principal stratum"}
        Treatment policy: the outcome counts whatever happens. Hypothetical: as if it did not
        happen. Composite: it is part of the outcome. While on treatment: the outcome counts until
        it happens. Principal stratum: people to whom it would, or would not, happen.
    handled : str
        How data and analysis do that, in words: the column, censoring or verb. Needed for every
        strategy but treatment policy, since it is declared here and carried out there.

    References
    ----------
    ICH E9(R1) (2019), addendum on estimands and sensitivity analysis, A.3.2. Checked against
    hand-written protocols in tests/hand.

    Examples
    --------
    >>> IntercurrentEvent(event="override of the assignment", strategy="treatment policy").told
    'override of the assignment: treatment policy'
    """

    event: str
    strategy: str
    handled: str = ""

    def __post_init__(self) -> None:
        if not self.event.strip():
            raise InvalidProtocol("`event` of an intercurrent event is empty; say what happens.")
        check_choice(self.strategy, "strategy", STRATEGIES)
        if self.strategy != TREATMENT_POLICY and not self.handled.strip():
            raise InvalidProtocol(
                f"`handled` is needed for {self.event!r}: {self.strategy!r} is done by the data or "
                "the analysis, so say how."
            )

    @property
    def told(self) -> str:
        """The event and its strategy."""
        return f"{self.event}: {self.strategy}"


def with_strategies(
    declared: Iterable[IntercurrentEvent], own: Iterable[IntercurrentEvent]
) -> tuple[IntercurrentEvent, ...]:
    """Return the declared events, those that an estimand takes otherwise as it takes them."""
    changed = {each.event: each for each in own}
    return tuple(changed.get(each.event, each) for each in declared)
