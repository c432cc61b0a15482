"""Whether the likelihood of counts has a maximum at all."""

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog

from checkpoint_eval._arrays import FloatArray


def separated(counts: FloatArray, columns: FloatArray) -> bool:
    """Return whether the means of some people without events fall to 0 at no cost to others.

    Then the likelihood has no maximum: a direction leaves the means of all events as they are,
    raises none of those without and lowers some (Correia, Guimarães and Zylkin 2019).

    Parameters
    ----------
    counts : (n,) float
    columns : (n, p) float
        Of the regression; of about the same size.
    """
    # The triangle has the columns' null space and no more than p rows.
    directions = null_space(np.linalg.qr(columns[counts > 0], mode="r"))
    if not directions.size:
        return False
    moved = columns[counts == 0] @ directions
    lowest = linprog(moved.sum(axis=0), A_ub=moved, b_ub=np.zeros(len(moved)), bounds=(-1, 1))
    return bool(lowest.fun < -1e-6)
