"""How likely a person was to reoffend, from what was known beforehand: a covariate for models."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._checks import counted, did_you_mean
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import InvalidData, TrialError

# Howard, Francis, Soothill and Humphreys (2009), OGRS 3, to the digits of two public copies.
CONSTANT = {1: 1.402562384, 2: 2.121705678}
COPAS = 1.251124464
FIRST_SANCTION, LATER_SANCTION = 0.126142106, 0.463062792
AGES = np.array([10, 12, 14, 16, 18, 21, 25, 30, 35, 40, 50])  # bands start here
_MALE = (
    *(0, 0.083922902, 0.075775765, -0.061594199, -0.625103618, -1.051515067),
    *(-1.166679288, -1.325976554, -1.368045933, -1.499690953, -2.025261458),
)
_FEMALE = (
    *(-0.785038489, -0.613852078, -0.669521331, -0.959179629, -0.897480934, -1.028488454),
    *(-1.052777806, -1.129127959, -1.42187494, -1.524652221, -2.44983716),
)
BY_AGE = np.array([_MALE, _FEMALE])
SEXES = {"male": 0, "female": 1}
OFFENCES = {
    "violence": 0,
    "robbery": -0.634795912,
    "public order": 0.181917975,
    "sexual (not child)": 0.003276327,
    "sexual (child)": -0.653434071,
    "soliciting or prostitution": 0.760608858,
    "burglary (domestic)": -0.12394352,
    "burglary (other)": 0.240604429,
    "theft (non-motor)": 0.661244321,
    "handling stolen goods": 0.351866973,
    "fraud or forgery": 0.159910192,
    "absconding or bail": 0.733378677,
    "taking and driving": 0.380059431,
    "theft from vehicle": 0.427225615,
    "other motoring": 0.262228428,
    "drink driving": -0.121439408,
    "criminal damage": 0.204960477,
    "drug import, export or production": -0.795556373,
    "drug possession or supply": 0.077165871,
    "other": -0.060667525,
}


def ogrs3(
    age: ArrayLike,
    *,
    sex: ArrayLike,
    offence: ArrayLike,
    previous_sanctions: ArrayLike,
    age_at_conviction: ArrayLike,
    age_at_first_sanction: ArrayLike,
    years: Literal[1, 2] = 2,
) -> FloatArray:
    """Return (n,) chances of proven reoffending by OGRS3, the offender group reconviction scale.

    Parameters
    ----------
    age : (n,) array_like
        In years, on the day the risk starts: in a trial, the day of randomisation.
    sex : (n,) array_like
        "male" or "female".
    offence : (n,) array_like
        Kind of the current offence: "violence", "robbery", "public order", "sexual (not child)",
        "sexual (child)", "soliciting or prostitution", "burglary (domestic)", "burglary (other)",
        "theft (non-motor)", "handling stolen goods", "fraud or forgery", "absconding or bail",
        "taking and driving", "theft from vehicle", "other motoring", "drink driving", "criminal
        damage", "drug import, export or production", "drug possession or supply", "other".
    previous_sanctions : (n,) array_like
        Court convictions and cautions before the current one.
    age_at_conviction, age_at_first_sanction : (n,) array_like
        In years, at the current sanction and at the first ever; the same for a first sanction.
    years : {1, 2}

    Returns
    -------
    (n,) float
        Between 0 and 1; NaN where anything is missing. One value in place of an array is
        everybody's.

    Raises
    ------
    InvalidData
        For ages under 10 or out of order, impossible counts and unknown labels, naming the row.
    TrialError
        For years other than 1 and 2.

    Notes
    -----
    logit p = constant + 1.2511·Copas + first or later sanction + age by sex + offence, with Copas =
    log((1 + previous sanctions) / (10 + age at conviction − age at first sanction)). Ages are cut
    to whole years. Public copies differ on ages, whole or not, and on whether Copas runs from the
    first sanction, as here, or from the first conviction: a score from another tool may differ.

    Made for people sentenced or cautioned. In a trial take the day of the decision for both arms: a
    control is convicted months later, which is no baseline.

    References
    ----------
    Howard, Francis, Soothill and Humphreys (2009), OGRS 3, Ministry of Justice; coefficients as in
    Neumann's R calculator. Checked against the tests of a JavaScript calculator.

    Examples
    --------
    >>> score = ogrs3(
    ...     [20, 43], sex=["male", "female"], offence=["violence", "criminal damage"],
    ...     previous_sanctions=[0, 3], age_at_conviction=[20, 37], age_at_first_sanction=[20, 14],
    ... )
    >>> score.round(4).tolist()
    [0.2213, 0.2018]
    """
    if years not in CONSTANT:
        raise TrialError(f"`years` must be 1 or 2, got {years!r}.")
    now, current, first, count, female, kind = _together(
        {
            "age": _numbers(age, "age", least=10),
            "age_at_conviction": np.floor(
                _numbers(age_at_conviction, "age_at_conviction", least=10)
            ),
            "age_at_first_sanction": np.floor(
                _numbers(age_at_first_sanction, "age_at_first_sanction", least=10)
            ),
            "previous_sanctions": _counts(previous_sanctions, "previous_sanctions"),
            "sex": _coded(sex, SEXES, "sex"),
            "offence": _coded(offence, OFFENCES, "offence"),
        }
    )
    _check_history(now, current, first, count)
    copas = np.log((1 + count) / (10 + current - first))
    history = np.where(count == 0, FIRST_SANCTION, LATER_SANCTION)
    known = np.isfinite(now + female)
    band = np.searchsorted(AGES, now, side="right") - 1  # the last where age is missing
    by_age = np.where(known, BY_AGE[np.where(known, female, 0).astype(int), band], np.nan)
    return floats(expit(CONSTANT[years] + COPAS * copas + history + by_age + kind))


def _column(values: ArrayLike, name: str) -> NDArray[np.object_]:
    column = np.atleast_1d(np.asarray(values, dtype=object))
    if column.ndim > 1:
        raise InvalidData(f"`{name}` has shape {column.shape}; it needs one value for each person.")
    return column


def _numbers(values: ArrayLike, name: str, *, least: float) -> FloatArray:
    """Return finite numbers of at least `least`, NaN where missing."""
    column = pd.Series(_column(values, name))
    try:
        number = column.astype("Float64").to_numpy(float, na_value=np.nan)
    except (TypeError, ValueError) as problem:
        raise InvalidData(f"`{name}` must hold one number for each person: {problem}.") from problem
    allowed = np.isnan(number) | ((number >= least) & (number < np.inf))
    _refuse(
        ~allowed, lambda row: f"`{name}` must be finite and at least {least:g}, got {number[row]:g}"
    )
    return floats(number)


def _counts(values: ArrayLike, name: str) -> FloatArray:
    number = _numbers(values, name, least=0)
    split = np.floor(number) < number
    _refuse(split, lambda row: f"`{name}` must be a whole number, got {number[row]:g}")
    return number


def _coded(values: ArrayLike, codes: Mapping[str, float], name: str) -> FloatArray:
    """Return what each label stands for, NaN where it is missing."""
    place, labels = pd.factorize(_column(values, name))
    known = np.array([*(label in codes for label in labels), True])

    def told(row: int) -> str:
        near = did_you_mean(labels[place[row]], codes).rstrip(".")
        return f"`{name}` is not known: {labels[place[row]]!r} ({near})"

    _refuse(~known[place], told)
    return floats([*(codes[label] for label in labels), np.nan])[place]


def _together(given: Mapping[str, FloatArray]) -> tuple[FloatArray, ...]:
    """Return all at one length; one value is everybody's."""
    people = max({each.size for each in given.values()} - {1}, default=1)
    wrong = [
        f"{name} has {each.size}" for name, each in given.items() if each.size not in (1, people)
    ]
    if wrong:
        raise InvalidData(
            f"`age` and the rest need one value for each of {people} people, or one for all, but "
            f"{', '.join(wrong)}."
        )
    return tuple(np.broadcast_to(each, people) for each in given.values())


def _check_history(
    now: FloatArray, current: FloatArray, first: FloatArray, count: FloatArray
) -> None:
    """Refuse lives in an impossible order."""
    _refuse(
        (first > current) | (current > now),
        lambda row: (
            "`age_at_first_sanction`, `age_at_conviction` and `age` must come in this order, got "
            f"{first[row]:g}, {current[row]:g} and {now[row]:g}"
        ),
    )
    _refuse(
        (count == 0) & (first < current),
        lambda row: (
            "`previous_sanctions` is 0, so the first sanction is the current one, but "
            f"`age_at_first_sanction` is {first[row]:g} and `age_at_conviction` {current[row]:g}"
        ),
    )


def _refuse(wrong: BoolArray, told: Callable[[int], str]) -> None:
    """Raise for the first wrong row."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        row = int(rows[0])
        raise InvalidData(
            f"{told(row)} at {at_row(row)} ({counted(rows.size, 'such row')}); mend it, or mark it "
            "as missing."
        )
