"""Which needs come together: nearly everyone on a contract has more than one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import counted, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.needs import PathwayScores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CoOccurrence(Shown):
    """How often needs were had, together and alone, before randomisation.

    Attributes
    ----------
    pathways : (p,) str
    assessed, need : (p,) int
        People assessed on each pathway, and those of them with the need.
    phi : (p, p) float
        Correlation of having one need with having the other, among people assessed on both; NaN
        for a pathway that nobody, or everybody, has a need on.
    combinations : (c, p) bool
        Every combination of needs that occurs, the most frequent first.
    counts : (c,) int
        People with exactly that combination.
    incomplete : int
        People not assessed on every pathway, whose combination is not known.
    """

    pathways: tuple[str, ...]
    assessed: IntArray
    need: IntArray
    phi: FloatArray
    combinations: BoolArray
    counts: IntArray
    incomplete: int

    def __post_init__(self) -> None:
        for name in ("assessed", "need", "phi", "combinations", "counts"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def several(self) -> int:
        """People with more than one need, of those assessed on every pathway."""
        return int(self.counts[self.combinations.sum(axis=1) > 1].sum())

    def __repr__(self) -> str:
        lost = f" ({self.incomplete} more not assessed on all)" if self.incomplete else ""
        return (
            f"CoOccurrence({counted(len(self.pathways), 'pathway')}: {self.several} of "
            f"{int(self.counts.sum())} people with more than one need{lost}, "
            f"{counted(self.counts.size, 'combination')})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a combination: its needs and how many people have exactly those."""
        names = [
            ", ".join(name for name, here in zip(self.pathways, row, strict=True) if here)
            for row in self.combinations
        ]
        return pd.DataFrame({"needs": names, "people": self.counts})

    def phi_frame(self) -> pd.DataFrame:
        """Return the matrix of phi, with pathways as rows and columns."""
        return pd.DataFrame(self.phi, index=list(self.pathways), columns=list(self.pathways))


def co_occurrence(
    scores: PathwayScores,
    *,
    threshold: float = 0.0,
    among: Sequence[bool] | BoolArray | None = None,
) -> CoOccurrence:
    """Count which needs people had together before randomisation.

    Parameters
    ----------
    scores : PathwayScores
    threshold : float
        A need is a score above it.
    among : (n,) bool, optional
        Whom to count; everyone when left out.

    Returns
    -------
    CoOccurrence

    Notes
    -----
    φ = (n₁₁n₀₀ − n₁₀n₀₁)/√(n₁·n₀·n·₁n·₀), the correlation of two yes/no answers. It reaches 1 only
    where both needs are equally common.

    References
    ----------
    Yule (1912), Journal of the Royal Statistical Society 75, 579-652; Lex et al. (2014), IEEE
    Transactions on Visualization and Computer Graphics 20, 1983-1992, for the counts. Checked
    against R cor and table, and numpy corrcoef.

    Examples
    --------
    >>> scores = PathwayScores(
    ...     pathways=("drugs", "housing"),
    ...     baseline=[[1, 1], [1, 0], [1, 1], [0, 0]],
    ...     follow_up=[[0, 1], [1, 0], [0, 0], [0, 0]],
    ... )
    >>> found = co_occurrence(scores)
    >>> found
    CoOccurrence(2 pathways: 2 of 4 people with more than one need, 3 combinations)
    >>> float(found.phi[0, 1].round(3))
    0.577
    """
    check_scores(scores)
    check_threshold(threshold)
    who = np.ones(len(scores.baseline), bool) if among is None else np.asarray(among)
    if who.dtype != bool or who.shape != (len(scores.baseline),):
        raise TrialError(f"`among` needs one flag for each of {len(scores.baseline)} people.")
    known = ~np.isnan(scores.baseline[who])
    need = scores.in_need(threshold)[who]
    whole = known.all(axis=1)
    found, counts = np.unique(need[whole], axis=0, return_counts=True)
    order = np.lexsort((*(~found).T[::-1], found.sum(axis=1), -counts))
    return CoOccurrence(
        pathways=scores.pathways,
        assessed=known.sum(axis=0),
        need=need.sum(axis=0),
        phi=_phi(need, known),
        combinations=found[order],
        counts=counts[order],
        incomplete=int((~whole).sum()),
    )


def check_scores(scores: object) -> None:
    """Refuse what is not pathway scores."""
    if not isinstance(scores, PathwayScores):
        raise TrialError(
            f"`scores` must be `PathwayScores`, got {type(scores).__name__}; read them with "
            "`pathway_scores`, or from a flat table with `from_frame`."
        )
    if not scores.pathways:
        raise TrialError("`scores` hold no pathway, so there is nothing to compare.")


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that no score can be compared with."""
    if not is_number(threshold) or not abs(threshold) < np.inf:
        raise TrialError(
            f"`threshold` must be a finite number, got {threshold!r}; a need is a score above it."
        )


def _phi(need: BoolArray, known: BoolArray) -> FloatArray:
    """Return (p, p) correlations, each among people assessed on both."""
    have, seen = need.astype(np.float64), known.astype(np.float64)
    n, both = seen.T @ seen, have.T @ have
    mine, theirs = have.T @ seen, seen.T @ have
    square = mine * (n - mine) * theirs * (n - theirs)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(square > 0, (n * both - mine * theirs) / np.sqrt(square), np.nan)
