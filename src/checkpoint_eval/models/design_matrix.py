"""Columns of numbers for a regression: arms and covariates, named, checked for collinearity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.trial import Trial

# A column is told to be a combination of others when less than this share of it is left over.
COLLINEAR = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DesignMatrix:
    """Regression columns: one a treatment arm, then the covariates.

    Attributes
    ----------
    terms : (p,) str
    values : (n, p) float
    arms : int
        How many of the columns are arms; they come first.
    """

    terms: tuple[str, ...]
    values: FloatArray
    arms: int


def design_matrix(trial: Trial, people: Compared, adjust: Sequence[str]) -> DesignMatrix:
    """Return arm indicators and covariates; categories become indicators, first level left out.

    Raises
    ------
    ImpossibleDesign
        When a covariate is constant among the people compared, or a column is a combination of
        those before it: the columns are named.
    """
    k = len(people.arms)
    terms = list(people.arms[1:])
    columns = [(people.arm == code).astype(np.float64) for code in range(1, k)]
    for covariate in people.columns(trial, adjust):
        names, values = indicators(covariate)
        if not names or any(np.ptp(column) == 0 for column in values):
            raise ImpossibleDesign(
                f"Covariate {covariate.name!r} is constant among the {people.people.size} people "
                "compared, so it cannot adjust anything; leave it out of `adjust`."
            )
        terms += names
        columns += values
    matrix = np.stack(columns, axis=1)
    refuse_collinear(terms, matrix)
    return DesignMatrix(terms=tuple(terms), values=matrix, arms=k - 1)


def indicators(covariate: Covariate) -> tuple[list[str], list[FloatArray]]:
    """Return a covariate's columns: itself, or 0/1 for each level present but the first."""
    if not covariate.levels:
        return [covariate.name], [covariate.values]
    codes, names = covariate.codes, covariate.group_names
    return (
        [f"{covariate.name}={name}" for name in names[1:]],
        [(codes == code).astype(np.float64) for code in range(1, len(names))],
    )


def refuse_collinear(terms: Sequence[str], matrix: FloatArray) -> None:
    """Refuse (n, p) columns one of which is a combination of those before it."""
    centred = matrix - matrix.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    length[length == 0] = 1.0
    left = np.abs(np.diag(np.linalg.qr(centred / length, mode="r")))
    left = np.append(left, np.zeros(len(terms) - left.size))
    wrong = np.flatnonzero(left < COLLINEAR)
    if wrong.size:
        raise ImpossibleDesign(
            f"Column {terms[int(wrong[0])]!r} is a combination of the columns before it "
            f"({', '.join(terms[: int(wrong[0])])}); leave one of them out of `adjust`."
        )
