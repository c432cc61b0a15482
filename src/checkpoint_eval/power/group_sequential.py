"""A trial that looks at its results before the end: what was planned."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from checkpoint_eval._checks import check_level, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.spending import (
    Boundary,
    HaybittlePeto,
    OBrienFleming,
    OBrienFlemingSpending,
    Pocock,
    Spending,
    UserSpending,
    WangTiatis,
    check_shares,
)

MOST_LOOKS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequential:
    """When a trial looks, and how strong the evidence must be for it to stop.

    Attributes
    ----------
    looks : int or (k,) float
        The share of the planned information at each look, rising to 1; a count spaces them evenly.
        Information is events for a time to event, people for most else.
    alpha, sided : float, {1, 2}
        The error of the whole trial, both sides together. With one side an effect favours
        treatment where z is positive.
    power : float
        At the effect the trial is planned for.
    boundary : spending function or classical boundary
        `OBrienFlemingSpending`, `PocockSpending`, `KimDeMets`, `HwangShihDeCani`, `UserSpending`;
        `OBrienFleming`, `Pocock`, `WangTiatis`, `HaybittlePeto`. With a spending function, or
        Haybittle–Peto, looks may come when they come (`at_information`).
    futility : spending function, optional
        How 1 − power is spent on stopping as the trial will not succeed: where z is low, or with
        two sides where it is near 0 (an inner wedge).
    binding : bool
        Whether the trial must stop for futility. Bounds for efficacy are lower if so, and the
        error is above alpha should the trial then go on all the same.
    futile_share : float, optional
        How often a trial without effect is to stop for futility before its end, were it to spend
        all of it; it is spent in place of 1 − power. At most 1 − alpha, or small for a bound that
        harm alone will cross.

    Raises
    ------
    ImpossibleDesign
        When information does not rise to 1, or more is spent than there is.

    Examples
    --------
    >>> GroupSequential(looks=4).looks
    (0.25, 0.5, 0.75, 1.0)
    """

    looks: int | Sequence[float]
    alpha: float = 0.05
    sided: int = 2
    power: float = 0.8
    boundary: Boundary = field(default_factory=OBrienFlemingSpending)
    futility: Spending | None = None
    binding: bool = False
    futile_share: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "looks", _shares(self.looks))
        check_level(self.alpha, "alpha")
        check_level(self.power, "power")
        if self.sided not in (1, 2) or isinstance(self.sided, bool):
            raise TrialError(f"`sided` must be 1 or 2, got {self.sided!r}.")
        if not self.alpha < self.power:
            raise ImpossibleDesign(
                f"`power` ({self.power:g}) must be above `alpha` ({self.alpha:g}); a trial that is "
                "not looked at has that much."
            )
        _check_boundary(self)
        _check_futility(self)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the planned information at each look."""
        return tuple(self.looks)  # type: ignore[arg-type] # a count was made shares at birth

    @property
    def fixed_drift(self) -> float:
        """Mean of the final z of a trial without looks that has this power."""
        return float(ndtri(1 - self.alpha / self.sided) + ndtri(self.power))

    @property
    def futile_total(self) -> float:
        """What futility spends in all."""
        return 1 - self.power if self.futile_share is None else self.futile_share


def _shares(looks: object) -> tuple[float, ...]:
    if isinstance(looks, bool) or (is_number(looks) and not 1 <= looks <= MOST_LOOKS):
        raise TrialError(f"`looks` must be from 1 to {MOST_LOOKS} looks, got {looks!r}.")
    if isinstance(looks, (int, np.integer)):
        return tuple(float(each) for each in np.arange(1, looks + 1) / looks)
    if is_number(looks):
        raise TrialError(f"`looks` must be a whole number or list shares, got {looks!r}.")
    return check_shares(looks)  # type: ignore[arg-type] # which refuses what it cannot list


def _check_boundary(design: GroupSequential) -> None:
    boundary = design.boundary
    known = (Spending, WangTiatis, OBrienFleming, Pocock, HaybittlePeto)
    if not isinstance(boundary, known) or isinstance(boundary, type):
        raise TrialError(
            f"`boundary` must be a spending function or a classical boundary, got {boundary!r}; "
            "write boundary=OBrienFlemingSpending()."
        )
    if isinstance(boundary, Spending):
        check_spending(boundary, design, design.alpha, design.sided, "alpha")


def _check_futility(design: GroupSequential) -> None:
    if design.futility is None:
        if design.binding or design.futile_share is not None:
            name = "binding" if design.binding else "futile_share"
            raise ImpossibleDesign(f"`{name}` is of futility, and there is none; set `futility`.")
        return
    if not isinstance(design.futility, Spending) or isinstance(design.futility, type):
        raise TrialError(f"`futility` must be a spending function, got {design.futility!r}.")
    if design.futile_share is not None:
        check_level(design.futile_share, "futile_share")
        if not design.futile_share <= 1 - design.alpha:
            raise ImpossibleDesign(
                f"`futile_share` ({design.futile_share:g}) is more than 1 − alpha; the rest of "
                "trials without effect stop for efficacy."
            )
    if design.binding and not isinstance(design.boundary, Spending):
        raise ImpossibleDesign(
            "Futility that is `binding` changes what efficacy spends; give a spending function as "
            "`boundary`."
        )
    name = "1 - power" if design.futile_share is None else "futile_share"
    check_spending(design.futility, design, design.futile_total, 1, name)


def check_spending(
    spending: Spending, design: GroupSequential, total: float, sided: int, name: str
) -> None:
    """Refuse a spending function that falls or spends more than there is."""
    if isinstance(spending, UserSpending) and not _same(spending.looks, design.shares):
        raise ImpossibleDesign(
            f"The `values` of UserSpending are at {tuple(spending.looks)}, the `looks` at "
            f"{design.shares}; give both the same `looks`."
        )
    spent = np.asarray(spending.spent(np.asarray(design.shares), alpha=total, sided=sided))
    if spent.shape != (len(design.shares),) or not (np.diff(spent, prepend=0.0) >= 0).all():
        raise ImpossibleDesign(
            f"What is spent must rise from look to look, one number each, got {spent}."
        )
    if not spent[-1] <= total * (1 + 1e-9):
        raise ImpossibleDesign(
            f"{spending!r} spends {spent[-1]:g} in all, more than {name} = {total:g}; spend at "
            "most that."
        )


def _same(looks: Sequence[float], others: Sequence[float]) -> bool:
    return len(looks) == len(others) and bool(np.allclose(looks, others, rtol=0, atol=1e-9))
