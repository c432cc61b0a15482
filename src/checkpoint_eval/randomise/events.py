"""What happens to people besides their allocation: each event is a value to record."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

from checkpoint_eval._checks import check_known
from checkpoint_eval.errors import TrialError


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A person was assessed for eligibility.

    Attributes
    ----------
    person : str
    excluded : tuple of str
        Every reason that excludes them, of those the ledger declares; empty for the eligible.
    """

    kind: ClassVar[str] = "screened"
    person: str
    excluded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        reasons = (self.excluded,) if isinstance(self.excluded, str) else tuple(self.excluded)
        object.__setattr__(self, "excluded", tuple(dict.fromkeys(reasons)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Someone asked that a person be treated as in another arm; the arm randomised stands.

    Attributes
    ----------
    person : str
    to : str
        The arm asked for.
    by, role, reason : str
        Who asked, in which office, and why.
    """

    kind: ClassVar[str] = "override"
    person: str
    to: str
    by: str
    role: str
    reason: str

    def __post_init__(self) -> None:
        _need(self, "by", "role", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A person began the treatment of an arm, be it theirs or another."""

    kind: ClassVar[str] = "received"
    person: str
    arm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breached:
    """A person broke the conditions of their contract."""

    kind: ClassVar[str] = "breached"
    person: str
    reason: str

    def __post_init__(self) -> None:
        _need(self, "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A person left the trial."""

    kind: ClassVar[str] = "withdrawn"
    person: str
    reason: str

    def __post_init__(self) -> None:
        _need(self, "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A person's case ended or, without a person, recruitment did: nobody is allocated after."""

    kind: ClassVar[str] = "closed"
    person: str = ""
    reason: str

    def __post_init__(self) -> None:
        _need(self, "reason")


Event: TypeAlias = Screened | Override | Received | Breached | Withdrawn | Closed
KINDS: Mapping[str, Callable[..., Event]] = {
    kind.kind: kind for kind in (Screened, Override, Received, Breached, Withdrawn, Closed)
}


def _need(event: Any, *names: str) -> None:
    """Refuse an event that leaves out who or why."""
    for name in names:
        value = getattr(event, name)
        if not isinstance(value, str) or not value.strip():
            raise TrialError(
                f"`{name}` of {type(event).__name__} is {value!r}; say it in words, as an auditor "
                "will ask."
            )


def check_event(event: Event, *, arms: Iterable[str], exclusions: Iterable[str]) -> Event:
    """Return an event whose arms and reasons are declared ones."""
    if not isinstance(event, Event):
        names = ", ".join(kind.__name__ for kind in KINDS.values())
        raise TrialError(f"`event` must be one of {names}, got {type(event).__name__}.")
    if isinstance(event, Override):
        check_known(event.to, arms, what="arm")
    if isinstance(event, Received):
        check_known(event.arm, arms, what="arm")
    if isinstance(event, Screened):
        for reason in event.excluded:
            check_known(reason, exclusions, what="exclusion")
    return event


def event_fields(event: Event, *, person: str) -> dict[str, Any]:
    """Return what the ledger stores of an event, under the person's stored identifier."""
    said = {each.name: getattr(event, each.name) for each in fields(event)}
    if isinstance(event, Screened):
        said["excluded"] = list(event.excluded)
    return {**said, "person": person}
