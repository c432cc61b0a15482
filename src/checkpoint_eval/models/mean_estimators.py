"""Two means and their difference: as they are, within blocks, or by regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import counted
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.design_matrix import COLLINEAR
from checkpoint_eval.models.linear_variance import ROUNDING, Variance, least_squares
from checkpoint_eval.results import NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Treatment less control, its standard error and degrees of freedom; or why there is none."""

    value: float = NAN
    by_arm: tuple[float, float] = (NAN, NAN)
    std_error: float = NAN
    df: float = NAN
    told: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """People of each block and arm: (b, 2) numbers, means, and variances of the means.

    The variance of the mean of one person is NaN.
    """

    n: IntArray
    mean: FloatArray
    variance: FloatArray


def cells_of(value: FloatArray, arm: IntArray, block: IntArray) -> Cells:
    """Return the numbers of each block and arm; every block holds both arms."""
    code = 2 * block + arm
    n = np.bincount(code)
    mean = np.bincount(code, weights=value) / n
    squares = np.bincount(code, weights=(value - mean[code]) ** 2)
    # The same number many times over differs from its mean by rounding.
    squares[squares <= n * (ROUNDING * np.abs(value).max()) ** 2 / 100] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(n > 1, squares / (n * (n - 1)), np.nan)
    b = n.size // 2
    return Cells(n=n.reshape(b, 2), mean=mean.reshape(b, 2), variance=variance.reshape(b, 2))


def plain_difference(value: FloatArray, arm: IntArray, arms: Sequence[str]) -> Difference:
    """Compare two means as they are, with Neyman's variance and Welch's degrees of freedom."""
    cells = cells_of(value, arm, np.zeros_like(arm))
    n, mean, variance = cells.n[0], cells.mean[0], cells.variance[0]
    single = [name for name, size in zip(arms, n, strict=True) if size == 1]
    if single:
        return Difference(reason=f"one person in {single[0]!r}, so no variance there")
    if not variance.sum() > 0:
        return Difference(reason="no variation is left within arms")
    total = float(variance.sum())
    df = total**2 / float((variance**2 / (n - 1)).sum())
    return Difference(
        value=float(mean[1] - mean[0]),
        by_arm=(float(mean[0]), float(mean[1])),
        std_error=float(np.sqrt(total)),
        df=df,
    )


def blocked_difference(
    value: FloatArray, arm: IntArray, block: IntArray, cluster: IntArray | None = None
) -> Difference:
    """Compare means within blocks, weighted by the blocks' shares of the people.

    Blocks that hold one arm compare nothing. See `mean_difference` for the variances.
    """
    block, kept = _with_both_arms(arm, block)
    if not kept.any():
        return Difference(reason="no stratum holds both arms")
    value, arm = value[kept], arm[kept]
    cells = cells_of(value, arm, block)
    share = cells.n.sum(axis=1) / arm.size
    effect = cells.mean[:, 1] - cells.mean[:, 0]
    if cluster is None:
        found = _variance_of_people(cells, share, effect)
    else:
        found = _variance_of_clusters(value, arm, block, cluster[kept], share, effect)
    if found.reason:
        return found
    means = share @ cells.mean
    return Difference(
        value=float(share @ effect),
        by_arm=(float(means[0]), float(means[1])),
        std_error=found.std_error,
        df=found.df,
        told=found.told,
    )


def _with_both_arms(arm: IntArray, block: IntArray) -> tuple[IntArray, BoolArray]:
    """Return block codes from 0 of the people whose block holds both arms, and who they are."""
    size = int(block.max()) + 1
    cells = np.bincount(2 * block + arm, minlength=2 * size).reshape(-1, 2)
    kept = (cells.min(axis=1) > 0)[block]
    return np.unique(block[kept], return_inverse=True)[1].reshape(-1), kept


def _variance_of_people(cells: Cells, share: FloatArray, effect: FloatArray) -> Difference:
    """Return Neyman's variance in each block; between blocks where an arm has one person."""
    small = (cells.n == 1).any(axis=1)
    own = share[~small] ** 2 @ cells.variance[~small].sum(axis=1)
    df = float(cells.n[~small].sum() - 2 * np.count_nonzero(~small))
    between, told = 0.0, "variance within strata"
    if small.any():
        between = float(share[small].sum() ** 2 * _between(share[small], effect[small]))
        if not between >= 0:
            return Difference(
                reason="the strata with one person in an arm are too few to vary: one holds half "
                "or more of their people; name coarser `strata`, or method='ancova'"
            )
        number = counted(int(small.sum()), "stratum", "strata")
        told = f"variance between the {number} with one person in an arm"
        told += ", within the others" if not small.all() else ""
    parts = np.array([own, between])
    freedom = np.array([df, max(int(small.sum()) - 1, 0)])
    if not parts.sum() > 0:
        return Difference(reason="no variation is left within strata")
    used = parts > 0
    return Difference(
        std_error=float(np.sqrt(parts.sum())),
        df=float(parts.sum() ** 2 / (parts[used] ** 2 / freedom[used]).sum()),
        told=told,
    )


def _between(share: FloatArray, effect: FloatArray) -> float:
    """Return the variance of a mean over blocks from how their effects differ, or NaN.

    Pashley and Miratrix (2021); blocks of one size: as of matched pairs.
    """
    share = share / share.sum()
    apart = (effect - share @ effect) ** 2
    if np.ptp(share) <= ROUNDING:
        return float(apart.mean() / (share.size - 1)) if share.size > 1 else NAN
    if not (share < 0.5).all():
        return NAN
    weight = share**2 / (1 - 2 * share)
    return float(weight @ apart / (1 + weight.sum()))


def _variance_of_clusters(
    value: FloatArray,
    arm: IntArray,
    block: IntArray,
    cluster: IntArray,
    share: FloatArray,
    effect: FloatArray,
) -> Difference:
    """Return CR2's variance in each block; between all blocks where an arm has one cluster."""
    first = np.unique(cluster, return_index=True)[1]
    place = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    cell = 2 * block + arm
    if (cell != cell[first][place]).any():
        raise ImpossibleDesign(
            "A cluster lies in both arms, or in several strata; with method='blocked' clusters "
            "lie within one arm of one stratum. Use method='lin' or 'ancova'."
        )
    clusters, b = np.bincount(cell[first]).reshape(-1, 2), share.size
    if (clusters == 1).any():
        if b < 2:
            return Difference(reason="an arm has one cluster, and there is one stratum")
        total = share * effect
        spread = float(b / (b - 1) * ((total - total.mean()) ** 2).sum())
        if not spread > 0:
            return Difference(reason="strata do not differ, and leave no variance")
        told = "an arm of a stratum has one cluster: variance between all strata"
        return Difference(std_error=float(np.sqrt(spread)), df=b - 1.0, told=told)
    fits = [
        least_squares(
            np.column_stack([np.ones(own.sum()), arm[own]]),
            value[own],
            place=1,
            variance="CR2",
            cluster=cluster[own],
        )
        for own in (block == code for code in range(b))
    ]
    # A block whose people are all alike is sure of its difference: its variance is 0.
    std_error = np.nan_to_num([fit.std_error for fit in fits])
    total_error = float(np.sqrt((share**2 * std_error**2).sum()))
    if not total_error > 0:
        return Difference(reason="no variation is left within strata")
    return Difference(
        std_error=total_error, df=float(first.size - 2 * b), told="CR2 variance within strata"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regressors:
    """Columns beside the arm: (n, c) numbers and (c,) terms, and (n,) stratum codes or None."""

    terms: tuple[str, ...]
    values: FloatArray
    stratum: IntArray | None


def regressed_difference(
    value: FloatArray,
    arm: IntArray,
    beside: Regressors,
    *,
    arms: Sequence[str],
    crossed: bool,
    variance: Variance,
    cluster: IntArray | None,
) -> Difference:
    """Compare means by regression on arm and centred columns, with or without their products."""
    own = np.zeros((arm.size, 0))
    if beside.stratum is not None:
        own = floats(beside.stratum[:, None] == np.unique(beside.stratum)[1:])
    columns = np.hstack([own, beside.values])
    reason = _unidentified(arm, own, beside) or (
        _unidentified_in_an_arm(arm, columns, own.shape[1], beside.terms, arms) if crossed else ""
    )
    if reason:
        return Difference(reason=reason)
    centred = columns - columns.mean(axis=0)
    products = arm[:, None] * centred if crossed else centred[:, :0]
    design = np.hstack([np.ones((arm.size, 1)), arm[:, None], centred, products])
    fit = least_squares(design, value, place=1, variance=variance, cluster=cluster)
    if fit.reason:
        return Difference(reason=fit.reason)
    control, effect = float(fit.coef[0]), float(fit.coef[1])
    singular, plural = ("person", "people") if cluster is None else ("cluster", "clusters")
    alone = counted(fit.alone, singular, plural)
    return Difference(
        value=effect,
        by_arm=(control, control + effect),
        std_error=fit.std_error,
        df=fit.df,
        told=f"{alone} fitted exactly and adding nothing" if fit.alone else "",
    )


def _unidentified(arm: IntArray, own: FloatArray, beside: Regressors) -> str:
    """Return why strata hide the arms, or refuse a column that does not vary within strata."""
    if not own.size:
        return ""
    known = np.hstack([own, arm[:, None], beside.values])
    place = _dependent(known, known.std(axis=0))
    if place is None:
        return ""
    if place == own.shape[1]:
        return "no stratum holds both arms"
    raise ImpossibleDesign(
        f"{beside.terms[place - own.shape[1] - 1]!r} does not vary within the strata, or only as "
        "the columns before it do; leave it out of `adjust`, or out of `strata`."
    )


def _unidentified_in_an_arm(
    arm: IntArray, columns: FloatArray, strata: int, terms: Sequence[str], arms: Sequence[str]
) -> str:
    """Return which column an arm of its own cannot tell from the others."""
    spread = columns.std(axis=0)
    for code, name in enumerate(arms):
        place = _dependent(columns[arm == code], spread)
        if place is not None and place < strata:
            return f"a stratum has nobody in {name!r}; use method='ancova', or coarser `strata`"
        if place is not None:
            return (
                f"{terms[place - strata]!r} does not vary within {name!r}, or only as other "
                "columns do; use method='ancova', or leave it out of `adjust`"
            )
    return ""


def _dependent(columns: FloatArray, spread: FloatArray) -> int | None:
    """Return the first column that is a combination of a constant and those before it, or None."""
    if not columns.shape[1]:
        return None
    centred = (columns - columns.mean(axis=0)) / (spread * np.sqrt(len(columns)))
    left = np.abs(np.diag(np.linalg.qr(centred, mode="r")))
    left = np.append(left, np.zeros(columns.shape[1] - left.size))
    wrong = np.flatnonzero(left < COLLINEAR)
    return int(wrong[0]) if wrong.size else None
