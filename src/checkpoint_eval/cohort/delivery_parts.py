"""Parts of a scenario about what Checkpoint does, who delivers it, and what is recorded."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from checkpoint_eval._checks import check_count, check_positive, did_you_mean
from checkpoint_eval.cohort.people_parts import (
    check_at_least_0,
    check_at_most,
    check_day,
    check_pair,
    check_share,
    check_shares,
)
from checkpoint_eval.cohort.typed import Typed
from checkpoint_eval.errors import TrialError

# What an audit looks for and an extract can be made to have.
FAULTS: tuple[str, ...] = (
    "several offences in one day",
    "several offences with one disposal",
    "overlapping custody",
    "offence during custody",
    "custody open at the extract",
    "offence on the day of randomisation",
    "disposal on the day of randomisation",
    "custody that begins on the day of randomisation",
    "death or departure on the day of randomisation",
    "death or departure before randomisation",
    "several deaths or departures of one person",
    "follow-up differs by arm",
    "offence after death or departure",
    "custody after death or departure",
    "offence recorded before it was committed",
    "disposal spelt unlike one that proves",
    "disposal of unknown kind",
    "custody that ends before it begins",
    "offence before birth",
    "offence after the extract",
    "disposal after the extract",
    "disposal before its offence",
    "custody that begins after the extract",
    "assessment after the extract",
    "death or departure after the extract",
    "death or departure without a date",
    "offence without a date",
    "disposal without a date",
    "custody without a start",
    "assessment without a date",
    "disposal of an unknown offence",
    "unknown person in offences",
    "unknown person in custody",
    "unknown person in deaths",
    "unknown person in pathways",
    "linkage differs by arm",
    "person not in the records",
    "repeated identifier",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(Typed):
    """What Checkpoint does to the hazard of those who receive it; the parts multiply.

    Attributes
    ----------
    hazard_ratios : tuple of float
        One for each stretch of time.
    from_days : tuple of float
        When each stretch begins, the first on day 0.
    by_band : mapping of str to float
        A further hazard ratio for people of a risk band.
    pathways : mapping of str to float
        A further hazard ratio for people whose need the contract resolved.
    resolved : (float, float)
        The chance that a need is resolved when prosecuted, and under the contract.

    Examples
    --------
    >>> Effect.delayed(0.6, months=4).hazard_ratios
    (1.0, 0.6)
    """

    hazard_ratios: tuple[float, ...] = (1.0,)
    from_days: tuple[float, ...] = (0.0,)
    by_band: Mapping[str, float] = field(default_factory=dict)
    pathways: Mapping[str, float] = field(default_factory=dict)
    resolved: tuple[float, float] = (0.2, 0.5)

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        days = self.from_days
        if len(days) != len(self.hazard_ratios) or not days or days[0] != 0:
            raise TrialError(
                f"`from_days` needs one day for each hazard ratio, the first 0, got {days!r} for "
                f"{self.hazard_ratios!r}."
            )
        if not all(a < b for a, b in itertools.pairwise(days)):
            raise TrialError(f"`from_days` must rise, got {days!r}.")
        for ratio in self.hazard_ratios:
            check_positive(ratio, "hazard_ratios")
        for name in ("by_band", "pathways"):
            for each, ratio in getattr(self, name).items():
                check_positive(ratio, f"{name}[{each!r}]")
        before, after = check_pair(self.resolved, "resolved")
        if before > after:
            raise TrialError(
                f"`resolved` is {self.resolved!r}: the contract resolves no fewer needs than "
                "prosecution; the second must be at least the first."
            )

    @classmethod
    def constant(cls, hazard_ratio: float) -> "Effect":
        """Return one hazard ratio for good."""
        return cls(hazard_ratios=(hazard_ratio,))

    @classmethod
    def delayed(cls, hazard_ratio: float, *, months: float) -> "Effect":
        """Return no effect at first, then a hazard ratio for good."""
        check_positive(months, "months")
        return cls(hazard_ratios=(1.0, hazard_ratio), from_days=(0.0, 365 / 12 * months))

    @classmethod
    def waning(cls, hazard_ratio: float, *, months: float = 4, over: int = 12) -> "Effect":
        """Return a hazard ratio that lasts some months, then goes back to 1 in monthly steps."""
        check_count(over, "over")
        check_positive(months, "months")
        check_positive(hazard_ratio, "hazard_ratio")
        back = [hazard_ratio ** (1 - step / (over + 1)) for step in range(1, over + 1)]
        days = [365 / 12 * (months + step) for step in range(over + 1)]
        return cls(hazard_ratios=(hazard_ratio, *back, 1.0), from_days=(0.0, *days))

    @property
    def none(self) -> bool:
        """Whether it changes nobody's hazard."""
        pathways = self.pathways if self.resolved[0] < self.resolved[1] else {}
        ratios = (*self.hazard_ratios, *self.by_band.values(), *pathways.values())
        return all(ratio == 1 for ratio in ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Era(Typed):
    """From a day on, how often officers override the arm of randomisation.

    Attributes
    ----------
    first : str
        A day; the first era begins with the trial.
    to_prosecution, to_checkpoint : float
        The chance, for the median officer and a person of median risk, that someone randomised to
        Checkpoint is prosecuted, and the other way round.
    """

    to_prosecution: float = 0.0
    to_checkpoint: float = 0.0
    first: str = ""

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        check_share(self.to_prosecution, "to_prosecution")
        check_share(self.to_checkpoint, "to_checkpoint")
        if self.first:
            check_day(self.first, "first")
        if not self.to_prosecution + self.to_checkpoint <= 1:
            raise TrialError(
                "`to_prosecution` and `to_checkpoint` add up to more than 1, so some people would "
                "always get the arm they were not randomised to."
            )


# What is beyond these is a slip of the pen.
MOST_DELIVERED = {
    "officers": 10_000,
    "contract_months": 120,
    "officer_spread": 10.0,
    "navigator_spread": 3.0,
    "turnover": 100.0,
    "contacts": 1_000.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Typed):
    """Officers, navigators and the contract.

    Attributes
    ----------
    officers : int
        In each suite.
    eras : tuple of Era
        How often they override, in order of time.
    officer_spread : float
        SD between officers of the log odds of an override.
    by_risk : float
        How much one SD of latent risk adds to the log odds of being prosecuted instead.
    caseload : int
        Most contracts a navigator has at once; it decides how many there are.
    turnover : float
        Share of navigators who leave in a year; another takes over new cases.
    navigator_spread : float
        SD between navigators of the log hazard ratio; mean ratio 1.
    contract_months : int
    breach : float
        The chance to break the contract otherwise than by reoffending.
    contacts : float
        Mean contacts with the navigator in a month.
    consent : (float, float)
        The chance, by arm, to stay in the trial once the arm is known; others have no outcome.
    """

    officers: int = 6
    eras: tuple[Era, ...] = (Era(),)
    officer_spread: float = 0.0
    by_risk: float = 0.0
    caseload: int = 30
    turnover: float = 0.0
    navigator_spread: float = 0.0
    contract_months: int = 4
    breach: float = 0.2
    contacts: float = 3.0
    consent: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        for name in ("officers", "caseload", "contract_months"):
            check_count(getattr(self, name), name)
        for name, most in MOST_DELIVERED.items():
            check_at_most(getattr(self, name), most, name)
        check_share(self.breach, "breach")
        check_pair(self.consent, "consent")
        if not -10 < self.by_risk < 10:
            raise TrialError(f"`by_risk` must be a log odds ratio, got {self.by_risk!r}.")
        days = [
            check_day(era.first, "first")
            for number, era in enumerate(self.eras)
            if number or era.first
        ]
        if not self.eras or any(a >= b for a, b in itertools.pairwise(days)):
            raise TrialError("`eras` needs one or more, in order of time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(Typed):
    """What happens to people and offences, and what the police write down.

    Attributes
    ----------
    extract : str
        The day of the extract.
    offences : mapping of str to float
        Shares of offence codes.
    proven : mapping of str to float
        Shares of disposals; conviction and caution prove.
    disposal_days, recording_days : float
        Mean days from offence to disposal, and from offence to recording; both exponential, the
        last rounded down.
    custody : float
        The chance that an offence leads to a spell in custody, from the day after it.
    custody_days : float
        Mean length; nobody offends inside.
    deaths, departures : float
        Rates in a year.
    unlinked : (float, float)
        The chance by arm that somebody cannot be found in the extract.
    unassessed : (float, float)
        The chance by arm that the assessment at the end of the contract is missing.
    dirty : mapping of str to int
        How many rows of each fault that `audit` looks for to put in, by the name of its rule.
    """

    extract: str = "2020-10-01"
    offences: Mapping[str, float] = field(
        default_factory=lambda: {
            "violence without injury": 0.25,
            "violence with injury": 0.1,
            "other theft": 0.1,
            "shoplifting": 0.25,
            "possession of drugs": 0.15,
            "criminal damage": 0.15,
        }
    )
    proven: Mapping[str, float] = field(
        default_factory=lambda: {"conviction": 0.75, "caution": 0.2, "no further action": 0.05}
    )
    disposal_days: float = 60.0
    recording_days: float = 3.0
    custody: float = 0.03
    custody_days: float = 60.0
    deaths: float = 0.005
    departures: float = 0.003
    unlinked: tuple[float, float] = (0.0, 0.0)
    unassessed: tuple[float, float] = (0.1, 0.1)
    dirty: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        check_day(self.extract, "extract")
        for name in ("offences", "proven"):
            check_shares(getattr(self, name), name)
        for name in ("disposal_days", "recording_days", "custody_days"):
            check_at_most(getattr(self, name), 36_500, name)
        for name in ("deaths", "departures"):
            check_at_least_0(getattr(self, name), name)
        check_share(self.custody, "custody")
        check_pair(self.unlinked, "unlinked")
        check_pair(self.unassessed, "unassessed")
        for rule, number in self.dirty.items():
            check_count(number, f"dirty[{rule!r}]", least=0)
            if rule not in FAULTS:
                raise TrialError(f"`dirty` names the fault {rule!r}; {did_you_mean(rule, FAULTS)}")
