"""Westfall and Young: adjusting p-values by how the statistics of a family move together."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import as_floats, check_choice
from checkpoint_eval.errors import TrialError

Step: TypeAlias = Literal["down", "single", "none"]
STEPS: tuple[str, ...] = ("down", "single", "none")
# A draw that ties with what was seen counts, though rounding differs.
SLACK = 1e-9


def westfall_young(
    statistics: ArrayLike,
    redrawn: ArrayLike,
    *,
    step: Step = "down",
    chances: ArrayLike | None = None,
) -> FloatArray:
    """Return p-values adjusted for a family of tests by redrawing the allocation.

    Parameters
    ----------
    statistics : (m,) float
        As observed, on a common scale such as a t; larger in size is more extreme. NaN, a test
        that could not be done, stays NaN and is not in the family.
    redrawn : (b, m) float
        The same statistics for each redrawn allocation; NaN says nothing against the null.
    step : {"down", "single", "none"}
        "down": each compared with the largest of those no larger than it, monotone. "single": with
        the largest of all. "none": each with its own, unadjusted.
    chances : (b,) float, optional
        When the rows are all allocations that the rule could make, the chance of each, up to a
        factor: p is then exact. Otherwise it is (b + 1)/(B + 1).

    Returns
    -------
    (m,) float

    Raises
    ------
    TrialError
        For shapes that do not match, no draws, or chances that are not above 0.

    Notes
    -----
    Adjusted p hold the chance of any false rejection, however the statistics depend on each other,
    and gain over Holm's where they do. Strong control needs subset pivotality, which
    re-randomisation under the sharp null of each outcome has.

    References
    ----------
    Westfall and Young (1993), Resampling-Based Multiple Testing; Ge, Dudoit and Speed (2003), Test
    12, 1-77; Phipson and Smyth (2010). Checked against R coin (maxT) on Rossi, full enumeration,
    and a slow reference.

    Examples
    --------
    >>> import numpy as np
    >>> redrawn = np.array([[0.5, 0.2], [2.5, 0.1], [0.3, 1.8]])
    >>> westfall_young([3.0, 1.0], redrawn)
    array([0.25, 0.5 ])
    """
    check_choice(step, "step", STEPS)
    observed = np.abs(as_floats(statistics, "statistics"))
    drawn = np.abs(as_floats(redrawn, "redrawn"))
    if observed.ndim != 1 or drawn.ndim != 2 or drawn.shape[1] != observed.size:
        raise TrialError(
            f"`redrawn` has shape {drawn.shape} for `statistics` of shape {observed.shape}; it "
            "needs one row a draw and one column a statistic."
        )
    weight = _chances(chances, drawn.shape[0])
    tested = np.flatnonzero(~np.isnan(observed))
    order = tested[np.argsort(-observed[tested], kind="stable")]
    size = np.where(np.isnan(drawn), 0.0, drawn)[:, order]
    if step == "single":
        size = np.broadcast_to(size.max(axis=1, initial=0.0)[:, None], size.shape)
    if step == "down":
        size = np.maximum.accumulate(size[:, ::-1], axis=1)[:, ::-1]
    extreme = size >= observed[order] * (1 - SLACK)
    share = (extreme.sum(axis=0) + 1) / (drawn.shape[0] + 1) if weight is None else weight @ extreme
    adjusted = np.full(observed.size, np.nan)
    adjusted[order] = np.maximum.accumulate(share) if step == "down" else share
    return floats(np.minimum(adjusted, 1.0))


def _chances(chances: ArrayLike | None, draws: int) -> FloatArray | None:
    """Return (b,) chances that add up to 1, or None."""
    if draws == 0:
        raise TrialError("`redrawn` has no draws; redraw the allocation at least once.")
    if chances is None:
        return None
    weight = as_floats(chances, "chances")
    if weight.shape != (draws,) or not ((weight > 0) & (weight < np.inf)).all():
        raise TrialError(
            f"`chances` must hold one number above 0 for each of {draws} allocations, got shape "
            f"{weight.shape}."
        )
    return floats(weight / weight.sum())
