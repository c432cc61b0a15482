"""What a trial was planned for: the effect worth finding, how many people, what takes it away."""

from dataclasses import dataclass

from checkpoint_eval._checks import check_count, check_level, check_positive, is_number
from checkpoint_eval.errors import InvalidProtocol

SHARES = ("dropout", "overrides", "non_compliance", "contamination", "icc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """The assumptions behind the number of people; of the primary outcome.

    Attributes
    ----------
    people : int
        Planned, in all arms together.
    control_risk : float
        Share of control expected to have the outcome by its time point.
    difference : float, optional
        The effect worth finding as treatment − control: -0.103 is 10.3 points fewer.
    hazard_ratio : float, optional
        The effect worth finding as treatment ÷ control, instead of `difference`.
    power : float
        The chance wanted of finding it.
    accrual, follow_up : float
        Of a hazard ratio, in the protocol's unit: how long people are recruited, and how long the
        last of them is followed; 0 means the outcome's time point.
    dropout : float
        Share of each arm lost by the time point.
    overrides, non_compliance : float
        Share of treatment that an officer sends to control; share of the rest that does not take
        it up.
    contamination : float
        Share of control that receives treatment.
    navigators : int, optional
        How many share the people in treatment; or `caseload`, the mean number each has.
    caseload : float, optional
    caseload_cv : float
        Standard deviation of caseloads divided by their mean; 0 when all are alike.
    icc : float
        Intraclass correlation of the outcome within navigators.
    looks : tuple of float
        Share of the information at each look, rising to 1; none means one analysis at the end.

    Raises
    ------
    TrialError
        For numbers out of range (`InvalidProtocol`: with both or neither of `difference` and
        `hazard_ratio`, with an effect that no risks can have, with an ICC of nobody).

    Examples
    --------
    >>> plan = Planning(people=521, control_risk=0.48, difference=-0.103)
    >>> round(plan.treatment_risk, 3)
    0.377
    """

    people: int
    control_risk: float
    difference: float | None = None
    hazard_ratio: float | None = None
    power: float = 0.8
    accrual: float = 0.0
    follow_up: float = 0.0
    dropout: float = 0.0
    overrides: float = 0.0
    non_compliance: float = 0.0
    contamination: float = 0.0
    navigators: int | None = None
    caseload: float | None = None
    caseload_cv: float = 0.0
    icc: float = 0.0
    looks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_count(self.people, "people", least=2)
        check_level(self.control_risk, "control_risk")
        check_level(self.power, "power")
        for name in SHARES:
            _check_from_zero(getattr(self, name), name, below=1.0)
        for name in ("accrual", "follow_up", "caseload_cv"):
            _check_from_zero(getattr(self, name), name)
        if self.navigators is not None:
            check_count(self.navigators, "navigators", least=2)
        if self.caseload is not None:
            check_positive(self.caseload, "caseload")
        _check_effect(self)
        _check_navigators(self)
        _check_looks(self)

    @property
    def treatment_risk(self) -> float:
        """Share of treatment expected to have the outcome by its time point."""
        if self.difference is not None:
            return self.control_risk + self.difference
        ratio = 1.0 if self.hazard_ratio is None else self.hazard_ratio
        return float(1 - (1 - self.control_risk) ** ratio)

    @property
    def nested(self) -> bool:
        """Whether navigators share the people in treatment."""
        return self.navigators is not None or self.caseload is not None


def _check_from_zero(value: float, name: str, *, below: float = float("inf")) -> None:
    if not is_number(value) or not 0 <= value < below:
        most = f" and below {below:g}" if below < float("inf") else " and finite"
        raise InvalidProtocol(f"`{name}` must be at least 0{most}, got {value!r}.", at=(name,))


def _check_effect(plan: Planning) -> None:
    if (plan.difference is None) == (plan.hazard_ratio is None):
        raise InvalidProtocol(
            "`difference` or `hazard_ratio` says which effect is worth finding; give one of them."
        )
    if plan.hazard_ratio is not None:
        if check_positive(plan.hazard_ratio, "hazard_ratio") == 1:
            raise InvalidProtocol("`hazard_ratio` is 1, no effect; give the one worth finding.")
        return
    if plan.difference == 0 or not 0 < plan.treatment_risk < 1:
        raise InvalidProtocol(
            f"`difference` is {plan.difference!r}, which takes the risk from "
            f"{plan.control_risk:g} to {plan.treatment_risk:g}; give treatment minus control as a "
            "share, such as -0.1 for 10 points fewer."
        )
    for name in ("accrual", "follow_up"):
        if getattr(plan, name):
            raise InvalidProtocol(
                f"`{name}` is of a hazard ratio; with `difference` everybody is followed to the "
                "time point: leave it out.",
                at=(name,),
            )


def _check_navigators(plan: Planning) -> None:
    if plan.navigators is not None and plan.caseload is not None:
        raise InvalidProtocol(
            "`navigators` and `caseload` are both given; keep `navigators` when their number is "
            "fixed, `caseload` when more people mean more of them.",
            at=("caseload",),
        )
    for name in ("icc", "caseload_cv"):
        if getattr(plan, name) and not plan.nested:
            raise InvalidProtocol(
                f"`{name}` is of navigators; say how many `navigators` there are, or their "
                "`caseload`.",
                at=(name,),
            )


def _check_looks(plan: Planning) -> None:
    shares = (0.0, *plan.looks)
    rising = all(one < next_one for one, next_one in zip(shares, plan.looks, strict=False))
    if plan.looks and not (rising and plan.looks[-1] == 1):
        raise InvalidProtocol(
            f"`looks` must be shares of the information rising to 1, such as [0.5, 1.0], got "
            f"{list(plan.looks)}.",
            at=("looks",),
        )
