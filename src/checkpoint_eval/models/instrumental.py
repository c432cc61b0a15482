"""Assignment as an instrument: two-stage least squares and the Anderson–Rubin set."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.models.linear_variance import FIXED, ROUNDING, WEIGHTLESS
from checkpoint_eval.results import NAN

Variance = Literal["classical", "HC0", "HC1", "HC2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What both stages need of one instrument, one thing received and columns beside them.

    With z what assignment keeps after regression on the columns, y the outcome and d what was
    received:

    Attributes
    ----------
    zz, zy, zd : float
        Sums of products with z.
    yy, yd, dd : float
        Variances and covariance of zy and zd.
    ee : float
        Variance of z·e, with e what the effect leaves of y.
    by_arm : (control, treatment)
        Means of the outcome among compliers.
    df : float
        People less coefficients.
    reason : str
        Why there is no effect.
    """

    zz: float = NAN
    zy: float = NAN
    zd: float = NAN
    yy: float = NAN
    yd: float = NAN
    dd: float = NAN
    ee: float = NAN
    by_arm: tuple[float, float] = (NAN, NAN)
    df: float = NAN
    reason: str = ""

    @property
    def effect(self) -> float:
        """The effect on compliers."""
        return self.zy / self.zd if not self.reason else NAN

    @property
    def std_error(self) -> float:
        """Of the effect; the residual y − effect·d has no product with z."""
        return float(np.sqrt(self.ee) / abs(self.zd))

    @property
    def compliance(self) -> float:
        """How much more treatment is received by those assigned to it, as a share."""
        return self.zd / self.zz

    @property
    def first_stage_f(self) -> float:
        """The square of the first stage's t; infinite when everybody complied."""
        return self.zd**2 / self.dd if self.dd > 0 else np.inf


def instrument(
    value: FloatArray,
    received: FloatArray,
    assigned: FloatArray,
    beside: FloatArray,
    *,
    variance: Variance,
) -> Instrument:
    """Return the moments of (n,) outcome, received and assigned, beside (n, c) columns.

    References
    ----------
    Angrist, Imbens and Rubin (1996), JASA 91; the variances are those of two-stage least squares,
    whose second stage has the leverage of the instruments. Checked against R estimatr::iv_robust.
    """
    n = value.size
    own = np.linalg.qr(np.column_stack([np.ones(n), beside]))[0]
    y, d, z = (each - own @ (own.T @ each) for each in (value, received, assigned))
    zz, df = float(z @ z), float(n - own.shape[1] - 1)
    if not zz > ROUNDING * n:
        return Instrument(reason="no stratum holds both arms")
    if not df > 0:
        return Instrument(reason="no degrees of freedom are left")
    zy, zd = float(z @ y), float(z @ d)
    if not abs(zd) > WEIGHTLESS * np.sqrt(zz * n):
        return Instrument(reason="nobody complied: assignment did not change what was received")
    left = 1 - (own**2).sum(axis=1) - z**2 / zz
    fixed = left < FIXED
    if (np.abs(z[fixed]) > WEIGHTLESS * np.sqrt(zz)).any():
        return Instrument(reason="the fit goes through one person (leverage 1)")
    weight = _weights(np.where(fixed, 0.0, z), np.where(fixed, 1.0, left), df, variance)
    size = float(np.linalg.norm(value - value.mean()) + np.linalg.norm(value) / 100)
    y = _or_nought(y - z * (zy / zz), size)
    d = _or_nought(d - z * (zd / zz), np.sqrt(n))
    e = _or_nought(y - d * (zy / zd), size)
    if not e.any():
        return Instrument(reason="no variation is left within arms")
    yy, ee = (_variance(weight, each, zz) for each in (y, e))
    if not ee > 0:
        return Instrument(reason="deviations cancel, and leave no variance")
    return Instrument(
        zz=zz,
        zy=zy,
        zd=zd,
        yy=yy,
        ee=ee,
        yd=float(weight @ (y * d)),
        dd=float(weight @ d**2),
        by_arm=(
            -float(z @ (value * (1 - received))) / zd,
            float(z @ (value * received)) / zd,
        ),
        df=df,
    )


def _or_nought(residual: FloatArray, size: float) -> FloatArray:
    """Return residuals, or zeros when all of them are rounding beside values of a size."""
    return residual if np.linalg.norm(residual) > ROUNDING * size else np.zeros_like(residual)


def _variance(weight: FloatArray, residual: FloatArray, zz: float) -> float:
    """Return the variance of residuals' product with z, 0 where it is rounding."""
    found = float(weight @ residual**2)
    return found if found > ROUNDING**2 * float(residual @ residual) * zz else 0.0


def _weights(z: FloatArray, left: FloatArray, df: float, variance: Variance) -> FloatArray:
    """Return (n,) what each squared residual counts in the variance of its product with z."""
    if variance == "classical":
        return np.full(z.size, float(z @ z) / df)
    if variance == "HC2":
        return floats(z**2 / left)
    return floats(z**2 * (z.size / df if variance == "HC1" else 1.0))


def anderson_rubin(found: Instrument, limit: float) -> tuple[float, float, str]:
    """Return low, high and what to say of the effects that a test of each does not refuse.

    The test of an effect b: assignment does not foretell y − b·d, t² at most `limit`². So
    (zy − b·zd)² ≤ limit²·(yy − 2b·yd + b²·dd), a quadratic in b.

    References
    ----------
    Anderson and Rubin (1949), Annals of Mathematical Statistics 20, 46-63; Mikusheva (2010),
    Journal of Econometrics 157, 236-247, for the shapes of the set. Checked against R
    estimatr::lm_robust of y − b·d.
    """
    k = limit**2
    a = found.zd**2 - k * found.dd
    b = found.zy * found.zd - k * found.yd
    c = found.zy**2 - k * found.yy
    inside = b**2 - a * c
    if a > 0:
        root = np.sqrt(max(inside, 0.0))
        return float((b - root) / a), float((b + root) / a), ""
    if not inside > 0 or a == 0:
        return -np.inf, np.inf, "the Anderson–Rubin interval is unbounded: no effect is refused"
    low, high = sorted([float((b - np.sqrt(inside)) / a), float((b + np.sqrt(inside)) / a)])
    return (
        -np.inf,
        np.inf,
        f"the Anderson–Rubin interval is unbounded, in two pieces: up to {low:.4g}, and from "
        f"{high:.4g}",
    )
