"""How likely a trial is to succeed, given what it has shown so far or what is believed."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_choice, check_positive, is_number
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.power.bounds_table import StoppingBounds
from checkpoint_eval.power.recursion import PANEL, TAIL, Edges, crossing, quadrature
from checkpoint_eval.power.spending import CLOSEST
from checkpoint_eval.power.stopped import check_look

Effect = Literal["trend", "null", "design"]
VAGUE = 30.0  # beyond this spread of effects an even quadrature has too many points
FARTHEST = 1e5  # an effect that no look mistakes


def conditional_power(
    bounds: StoppingBounds,
    *,
    z: float,
    share: float | None = None,
    effect: Effect | float = "trend",
) -> float:
    """Return the chance that a trial will stop for efficacy at a later look.

    Parameters
    ----------
    bounds : StoppingBounds
        Of a design; with looks=1, of a trial that looks at its end only.
    z : float
        Now; positive favours treatment.
    share : float, optional
        The share of the planned information there is now; that of the last look taken when not
        given. Looks at larger shares are still to come.
    effect : {"trend", "null", "design"} or float
        The effect from now on: as seen so far, none, as planned, or a number: the mean of z at
        all the planned information.

    Returns
    -------
    float

    Raises
    ------
    TrialError
        When z or the effect is no number.
    ImpossibleDesign
        When no look is still to come.

    Notes
    -----
    Futility counts where it binds. "trend" is optimistic after a good start and pessimistic after
    a bad one, as it takes the estimate for the truth; `predictive_power` does not.

    References
    ----------
    Lan, Simon and Halperin (1982); Jennison and Turnbull (2000). Checked against R gsDesign
    (gsCP).

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> fixed = stopping_bounds(GroupSequential(looks=1, power=0.9))
    >>> round(conditional_power(fixed, z=1.5, share=0.5), 6)
    0.590252
    """
    now = _now(bounds, share)
    _check_z(z)
    return float(_later(bounds, now, z)(floats(_drift(effect, bounds, now, z))))


def predictive_power(
    bounds: StoppingBounds,
    *,
    z: float,
    share: float | None = None,
    prior: tuple[float, float] | None = None,
) -> float:
    """Return conditional power averaged over what is believed of the effect now.

    Parameters
    ----------
    bounds, z, share
        As in `conditional_power`.
    prior : (mean, sd), optional
        Of a normal prior of the effect, as the mean of z at all the planned information. Flat when
        not given.

    Returns
    -------
    float

    Raises
    ------
    TrialError
        When z is no number or the prior no mean and standard deviation.
    ImpossibleDesign
        When no look is still to come.

    References
    ----------
    Spiegelhalter, Freedman and Blackburn (1986); Jennison and Turnbull (2000).
    Checked against the closed form of one look and a simulation of several.

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> fixed = stopping_bounds(GroupSequential(looks=1))
    >>> round(predictive_power(fixed, z=1.5, share=0.5), 6)
    0.564094
    """
    now = _now(bounds, share)
    _check_z(z)
    precision, score = now, z * np.sqrt(now)
    if prior is not None:
        mean, sd = _check_prior(prior)
        precision, score = now + sd**-2, score + mean / sd**2
    return _averaged(_later(bounds, now, z), score / precision, precision**-0.5)


def assurance(bounds: StoppingBounds, *, mean: float, sd: float, std_error: float) -> float:
    """Return a trial's power averaged over what is believed of the effect before it.

    Parameters
    ----------
    bounds : StoppingBounds
        With looks=1, of a trial that looks at its end only.
    mean, sd : float
        Of a normal prior of the effect; positive favours treatment.
    std_error : float
        Of the effect's estimate at all the planned information, in the same unit.

    Returns
    -------
    float
        At most about the chance, by the prior, that the effect is positive.

    Raises
    ------
    TrialError
        When a number is none, or `sd` or `std_error` not above 0.

    References
    ----------
    O'Hagan, Stevens and Campbell (2005). Checked against the closed form of a trial without looks,
    Φ((mean − z std_error)/√(sd² + std_error²)).

    Examples
    --------
    >>> from checkpoint_eval.power import GroupSequential, stopping_bounds
    >>> fixed = stopping_bounds(GroupSequential(looks=1))
    >>> round(assurance(fixed, mean=0.3, sd=0.15, std_error=0.1), 6)
    0.717999
    """
    check_look(bounds, None)
    unit = check_positive(std_error, "std_error")
    mean, sd = _check_prior((mean, sd))

    def power(drift: FloatArray) -> FloatArray:
        above, _ = crossing(bounds.shares, bounds.edges(), drift)
        return np.asarray(above.sum(axis=-1))

    return _averaged(power, mean / unit, sd / unit)


def _now(bounds: StoppingBounds, share: float | None) -> float:
    place = check_look(bounds, None)
    if share is None:
        if not bounds.taken:
            raise TrialError("No look is taken yet by these bounds; say in `share` how far it is.")
        share = float(bounds.shares[place])
    if not is_number(share) or not 0 < share < bounds.shares[-1] - CLOSEST:
        raise ImpossibleDesign(
            f"`share` must lie above 0 and below the last look's {bounds.shares[-1]:g}, so that "
            f"there is a look to come; got {share!r}."
        )
    return float(share)


def _check_z(z: float) -> None:
    if not is_number(z) or not np.isfinite(z):
        raise TrialError(f"`z` must be a finite number, got {z!r}.")


def _check_prior(prior: tuple[float, float]) -> tuple[float, float]:
    pair = isinstance(prior, (tuple, list, np.ndarray)) and len(prior) == 2
    if not pair or not is_number(prior[0]) or not np.isfinite(prior[0]):
        raise TrialError(
            f"The prior must be a finite mean and a standard deviation, got {prior!r}."
        )
    return float(prior[0]), check_positive(prior[1], "sd")


def _drift(effect: Effect | float, bounds: StoppingBounds, now: float, z: float) -> float:
    if isinstance(effect, str):
        check_choice(effect, "effect", ("trend", "null", "design"))
        return {"trend": z / float(np.sqrt(now)), "null": 0.0, "design": bounds.drift}[effect]
    if not is_number(effect) or not np.isfinite(effect):
        raise TrialError(f"`effect` must be a finite number or a name, got {effect!r}.")
    return float(effect)


def _later(bounds: StoppingBounds, now: float, z: float) -> Callable[[FloatArray], FloatArray]:
    """Return the chance of crossing at a later look under effects of any shape.

    What is added from now on starts from nothing, so its bounds are those of the rest of the trial,
    shifted by the score there is.
    """
    ahead = bounds.shares > now + CLOSEST
    shares = bounds.shares[ahead]
    step, score = shares - now, z * np.sqrt(now)
    edges = bounds.edges(binding_only=True)

    def shifted(edge: FloatArray) -> FloatArray:
        return np.asarray((edge[..., ahead] * np.sqrt(shares) - score) / np.sqrt(step))

    left = Edges(lower=shifted(edges.lower), upper=shifted(edges.upper), wedge=shifted(edges.wedge))

    def chance(drift: FloatArray) -> FloatArray:
        return np.asarray(crossing(step, left, drift)[0].sum(axis=-1))

    return chance


def _averaged(chance: Callable[[FloatArray], FloatArray], mean: float, sd: float) -> float:
    """Return a chance averaged over a normal distribution of the effect."""
    ends = TAIL * sd
    # The chance itself changes over about one unit of the effect at all the information.
    node, weight = _widening(mean, ends) if sd > VAGUE else quadrature(-ends, ends, min(sd, 1.0))
    density = np.exp(-0.5 * (node / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    effect = np.clip(mean + node, -FARTHEST, FARTHEST)
    return float(np.clip((weight * density) @ chance(effect), 0.0, 1.0))


def _widening(mean: float, ends: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes, less the mean, and weights within `ends` of it, in panels that widen from 0.

    A look at little information tells effects from none that are large, and changes as slowly.
    """
    reach = min(abs(mean) + ends, FARTHEST)
    edges = PANEL * 2.0 ** np.arange(1 + np.ceil(np.log2(reach / PANEL)))
    edges = np.concatenate([-edges - mean, [-mean], edges - mean, np.linspace(-ends, ends, 5)])
    edges = np.unique(np.clip(edges, -ends, ends))
    node, weight = np.concatenate(
        [quadrature(low, high, np.inf) for low, high in pairwise(edges)], axis=-1
    )
    return node, weight
