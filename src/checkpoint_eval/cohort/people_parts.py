"""Parts of a scenario about who comes, when, and how likely they are to reoffend."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import (
    as_names,
    check_count,
    check_known,
    check_positive,
    is_number,
)
from checkpoint_eval._days import Days, one_day
from checkpoint_eval.cohort.typed import Typed
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.dates import A_DAY

# The critical pathways of County Durham's adult strategies 2014/17 and 2015-18.
PATHWAYS: tuple[str, ...] = (
    "accommodation",
    "drugs and alcohol",
    "finances",
    "employment and education",
    "children and families",
    "health",
    "attitudes and behaviour",
    "sexual exploitation and domestic violence",
)
# Columns of people; a need has a column of its own.
TAKEN: tuple[str, ...] = (
    *("risk", "id", "date", "arm", "received", "suite", "officer", "era", "navigator", "contacts"),
    *("kept", "consents", "band", "sex", "age", "record", "female"),
)
RISK, AGE, SEX, RECORD = "risk", "age", "female", "record"
LATENT: tuple[str, ...] = (RISK, AGE, SEX, RECORD)


def check_share(value: float, name: str) -> float:
    """Return a probability, 0 and 1 included."""
    if not is_number(value) or not 0 <= value <= 1:
        hint = f"; {value:g} % is written {value / 100:g}" if is_number(value) and value > 2 else ""
        raise TrialError(f"`{name}` must be a probability from 0 to 1, got {value!r}{hint}.")
    return float(value)


def check_shares(shares: Mapping[str, float], name: str) -> Mapping[str, float]:
    """Return shares of a whole by name; they must add up to 1."""
    found = dict(shares)
    if not found:
        raise TrialError(f"`{name}` is empty; give each name its share.")
    for each, share in found.items():
        check_share(share, f"{name}[{each!r}]")
    if not abs(sum(found.values()) - 1) < 1e-9:
        told = " + ".join(f"{share:g}" for share in found.values())
        raise TrialError(f"`{name}` must add up to 1, got {told} = {sum(found.values()):g}.")
    return shares


def check_day(value: object, name: str) -> np.datetime64:
    """Return a day written as 2016-08-01."""
    try:
        return one_day(str(value))
    except ValueError as problem:
        raise TrialError(
            f"`{name}` must be a day such as '2016-08-01', got {value!r}."
        ) from problem


def check_at_least_0(value: float, name: str) -> float:
    """Return a finite number not below 0."""
    if not is_number(value) or not 0 <= value < np.inf:
        raise TrialError(f"`{name}` must be a finite number of at least 0, got {value!r}.")
    return float(value)


def check_at_most(value: float, most: float, name: str) -> float:
    """Return a number from 0 to what is still a possible world."""
    if not 0 <= value <= most:
        raise TrialError(f"`{name}` must lie from 0 to {most:g}, got {value!r}.")
    return value


def check_pair(pair: tuple[float, float], name: str) -> tuple[float, float]:
    """Return two probabilities, control first."""
    return check_share(pair[0], name), check_share(pair[1], name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst(Typed):
    """Days on which more people come than usual, such as a festival or an operation.

    Attributes
    ----------
    first, last : str
        Days such as "2017-07-14".
    times : float
        How many times the usual number.
    """

    first: str
    last: str
    times: float

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        if check_day(self.first, "first") > check_day(self.last, "last"):
            raise TrialError(f"`first` is {self.first}, after `last`, {self.last}; exchange them.")
        check_at_least_0(self.times, "times")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals(Typed):
    """When people come.

    Attributes
    ----------
    first, last : str
        The first and last day of randomisation.
    weekdays : tuple of 7 float
        How busy each day is, Monday first; only the proportions matter.
    months : tuple of 12 float
        How busy each calendar month is, January first.
    bursts : tuple of Burst
    """

    first: str = "2016-08-01"
    last: str = "2018-03-31"
    weekdays: tuple[float, ...] = (1.0,) * 7
    months: tuple[float, ...] = (1.0,) * 12
    bursts: tuple[Burst, ...] = ()

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        if check_day(self.first, "first") > check_day(self.last, "last"):
            raise TrialError(f"`first` is {self.first}, after `last`, {self.last}; exchange them.")
        for name, size in (("weekdays", 7), ("months", 12)):
            values = getattr(self, name)
            if len(values) != size:
                raise TrialError(f"`{name}` needs {size} numbers, got {len(values)}.")
            for value in values:
                check_at_least_0(value, name)
        if not self.intensity().sum() > 0:
            raise TrialError(
                "`weekdays`, `months` and `bursts` leave no day on which anyone comes."
            )

    @property
    def days(self) -> Days:
        """Every day from the first to the last."""
        return np.arange(check_day(self.first, "first"), check_day(self.last, "last") + A_DAY)

    def intensity(self) -> FloatArray:
        """Return how busy each day is."""
        days = self.days
        weekday = (days.astype(np.int64) + 3) % 7  # day 0, 1 January 1970, was a Thursday
        month = days.astype("datetime64[M]").astype(np.int64) % 12
        found = np.array(self.weekdays)[weekday] * np.array(self.months)[month]
        for burst in self.bursts:
            inside = (days >= one_day(burst.first)) & (days <= one_day(burst.last))
            found = np.where(inside, found * burst.times, found)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population(Typed):
    """Who is arrested: risk band, age, sex, record and needs, tied by a Gaussian copula.

    Attributes
    ----------
    bands : mapping of str to float
        Shares of the risk bands, lowest first: cuts of the latent risk that also drives
        reoffending.
    female : float
        Share.
    youngest, oldest : float
        Ages in years; nobody is outside.
    median_age : float
    age_spread : float
        SD of the logarithm of years above the youngest.
    no_record : float
        Share without a previous conviction.
    mean_record : float
        Mean number of previous convictions of the others, at least 1.
    most_record : int
        Nobody has more.
    needs : mapping of str to float
        Share who have each critical need.
    needs_together : float
        Latent correlation of every two needs, at least 0.
    correlations : mapping of str to float
        Latent correlations of other pairs, written as "risk ~ age", of risk, age, female, record
        and needs.

    Notes
    -----
    A person's latent values are jointly normal; a column is a cut or a function of its own. So
    marginal shares are exact, while the correlation of two cut columns is weaker than the latent.
    """

    bands: Mapping[str, float] = field(default_factory=lambda: {"moderate": 1.0})
    female: float = 0.2
    youngest: float = 18.0
    oldest: float = 80.0
    median_age: float = 29.0
    age_spread: float = 0.8
    no_record: float = 0.5
    mean_record: float = 5.0
    most_record: int = 52
    needs: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(PATHWAYS, 0.4))
    needs_together: float = 0.2
    correlations: Mapping[str, float] = field(
        default_factory=lambda: {"risk ~ age": -0.25, "risk ~ record": 0.4, "age ~ record": 0.15}
    )

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        check_shares(self.bands, "bands")
        for need, share in self.needs.items():
            check_share(share, f"needs[{need!r}]")
            if need in TAKEN or "~" in need:
                raise TrialError(f"`needs` names {need!r}, which is taken; give it another name.")
        check_share(self.female, "female")
        check_share(self.no_record, "no_record")
        check_share(self.needs_together, "needs_together")
        check_positive(self.age_spread, "age_spread")
        if not 10 <= self.youngest < self.median_age < self.oldest <= 110:
            raise TrialError(
                "`youngest`, `median_age` and `oldest` must be ages in that order from 10 to 110, "
                f"got {self.youngest!r}, {self.median_age!r} and {self.oldest!r}."
            )
        check_count(self.most_record, "most_record")
        check_at_most(self.most_record, 10_000, "most_record")
        if not 1 < self.mean_record < self.most_record:
            raise TrialError(
                f"`mean_record` must lie above 1 and below `most_record`, {self.most_record}, got "
                f"{self.mean_record!r}."
            )
        refuse_indefinite(self.names, self.correlation())

    @property
    def names(self) -> tuple[str, ...]:
        """What the latent values are called, in order."""
        return as_names((*LATENT, *self.needs))

    def correlation(self) -> FloatArray:
        """Return the (p, p) latent correlation matrix."""
        names, first = self.names, len(LATENT)
        matrix = np.eye(len(names))
        matrix[first:, first:] += self.needs_together * (1 - np.eye(len(self.needs)))
        seen: set[frozenset[str]] = set()
        for pair, value in self.correlations.items():
            parts = [part.strip() for part in pair.split("~")]
            if len(parts) != 2 or parts[0] == parts[1]:
                raise TrialError(
                    f"`correlations` names {pair!r}; name two columns, such as 'risk ~ age'."
                )
            if not is_number(value) or not -1 < value < 1:
                raise TrialError(
                    f"`correlations[{pair!r}]` must lie within −1 and 1, got {value!r}."
                )
            if frozenset(parts) in seen:
                raise TrialError(f"`correlations` names {pair!r} twice, either way round.")
            seen.add(frozenset(parts))
            i, j = (names.index(check_known(part, names, what="correlation")) for part in parts)
            matrix[i, j] = matrix[j, i] = value
        return matrix


def refuse_indefinite(names: tuple[str, ...], matrix: FloatArray) -> None:
    """Refuse correlations that no variables can have, and name the pair most at odds."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] > 1e-10:
        return
    # the pair that pulls the impossible variance down most
    pull = np.triu(matrix * np.outer(vectors[:, 0], vectors[:, 0]), k=1)
    i, j = np.unravel_index(int(pull.argmin()), pull.shape)
    raise TrialError(
        f"`correlations` cannot all hold: the matrix is not positive definite (least eigenvalue "
        f"{values[0]:.3g}). {names[int(i)]!r} and {names[int(j)]!r}, at {matrix[i, j]:g}, are most "
        "at odds with the rest; bring that correlation nearer to what the others imply."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reoffending(Typed):
    """How soon and how often people reoffend without Checkpoint.

    A share never reoffends. For the others offences follow a Poisson process with hazard
    G·exp(βz − β²/2)·h₀(t): z is the latent risk, G a gamma frailty of mean 1.

    Attributes
    ----------
    months : tuple of int
        When risks are stated, in order.
    risks : tuple of float
        Share of everyone who has reoffended by then; h₀ is solved so that it holds.
    never : float
        Share who never do: the curve levels off at 1 − never.
    spread : float
        β, the SD of the log hazard that the latent risk explains.
    frailty : float
        Variance of G; 0 for none.
    shape : float, optional
        A Weibull hazard of this shape through one stated risk; left out, h₀ is constant between
        the stated months and after the last.

    References
    ----------
    Plateau: Schmidt and Witte (1988), Maller and Zhou. Frailty: Vaupel, Manton and Stallard (1979).
    """

    months: tuple[int, ...] = (6, 12, 24)
    risks: tuple[float, ...] = (0.4, 0.5, 0.6)
    never: float = 0.34
    spread: float = 0.5
    frailty: float = 1.0
    shape: float | None = None

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        if not self.months or len(self.months) != len(self.risks):
            raise TrialError(
                f"`risks` needs one for each of `months`, got {len(self.risks)} for "
                f"{len(self.months)}."
            )
        check_share(self.never, "never")
        for name, most in (("spread", 3), ("frailty", 10)):
            if not 0 <= getattr(self, name) <= most:
                raise TrialError(
                    f"`{name}` of the hazard must lie from 0 to {most}, got "
                    f"{getattr(self, name)!r}: a hazard so uneven reaches no stated risk."
                )
        for month, risk in zip(self.months, self.risks, strict=True):
            check_count(month, "months")
            check_share(risk, "risks")
        steps = zip(self.months, self.risks, self.months[1:], self.risks[1:], strict=False)
        for month, risk, later, higher in steps:
            if not (month < later and risk < higher):
                raise TrialError(
                    f"`months` and `risks` must rise, got {risk:g} by {month} months and "
                    f"{higher:g} by {later}."
                )
        if not self.risks[0] > 0 or not self.risks[-1] < 1 - self.never:
            raise TrialError(
                f"No hazard reaches the stated risks: {self.never:g} never reoffend, so risks lie "
                f"above 0 and below 1 − {self.never:g} = {1 - self.never:g}, got "
                f"{', '.join(f'{risk:g}' for risk in self.risks)}; lower `never` or `risks`."
            )
        if self.shape is not None:
            check_positive(self.shape, "shape")
            check_at_most(self.shape, 20, "shape")
            if len(self.risks) != 1:
                raise TrialError(
                    f"A Weibull hazard goes through one stated risk, got {len(self.risks)}; leave "
                    "`shape` out for a hazard through several."
                )
