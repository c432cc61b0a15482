"""Adjusting p-values for multiplicity."""

from collections.abc import Sequence

import numpy as np

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import as_floats, check_choice
from checkpoint_eval.errors import TrialError

# Our name to the engine's.
METHODS = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "bh": "fdr_bh",
}


def adjust_p_values(p_values: Sequence[float] | FloatArray, *, method: str) -> FloatArray:
    """Return p-values adjusted so that the family as a whole keeps its error rate.

    Parameters
    ----------
    p_values : (m,) float
        One family. NaN, a test that could not be done, counts in the family as 1 and stays NaN.
    method : {"holm", "hochberg", "hommel", "bonferroni", "bh"}
        All but "bh" hold the chance of any false rejection; "bh" the false discovery rate.

    Returns
    -------
    (m,) float
        At least the raw p-values, at most 1.

    Raises
    ------
    TrialError
        For an unknown method or a p-value outside [0, 1]. Westfall and Young's method needs the
        redrawn statistics: see `westfall_young`.

    References
    ----------
    Holm (1979); Hochberg (1988); Hommel (1988); Benjamini and Hochberg (1995). Engine:
    statsmodels multipletests. Checked against R p.adjust.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04], method="holm")
    array([0.02, 0.04])
    """
    if method == "westfall-young":
        raise TrialError(
            "method='westfall-young' cannot be read off p-values: it needs every statistic of "
            "every redrawn allocation. Use `westfall_young`, or `compare_pathways`."
        )
    check_choice(method, "method", METHODS)
    raw = as_floats(p_values, "p_values")
    missing = np.isnan(raw)
    if raw.ndim > 1 or not (missing | ((raw >= 0) & (raw <= 1))).all():
        raise TrialError(
            f"`p_values` must lie in [0, 1] or be NaN, one for each test, got {raw.tolist()}."
        )
    if raw.size < 2:
        return raw  # the engine collects garbage first, for a fifth of a second
    # Imported here as it takes longer than everything else this library imports.
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(np.where(missing, 1.0, raw), method=METHODS[method])[1]
    return np.where(missing, np.nan, adjusted)
