"""Randomisation tests: how often the rule itself would make a difference this large."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import check_choice, check_count, check_rng, counted
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import Compared, compare, strata_of
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.models.survival import survival_at
from checkpoint_eval.models.weighted_logrank import NO_VARIANCE
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.redrawing import redraw
from checkpoint_eval.results import NAN, SignificanceTest

Statistic = Literal["risk difference", "log-rank"]
Codes = NDArray[np.int8]

# People times draws worked on at once: few enough for a processor's cache.
BLOCK_CELLS = 250_000


def randomisation_test(
    trial: Trial,
    *,
    outcome: str,
    statistic: Statistic = "log-rank",
    draws: int = 10_000,
    rng: np.random.Generator,
    horizon: float | None = None,
    analysis_set: str = "itt",
) -> SignificanceTest:
    """Test whether treatment changed anything for anyone, by redrawing the allocation.

    Parameters
    ----------
    trial : Trial
        Two arms.
    outcome : str
    statistic : {"log-rank", "risk difference"}
        The log-rank z (stratified as the randomisation was), or the difference in the share with
        the event.
    draws : int
        Allocations drawn; complete randomisation with the numbers seen, within strata.
    rng : numpy.random.Generator
    horizon : float, optional
        For the risk difference of a time-to-event outcome: when it is read. With people censored
        before it the test is not estimable.
    analysis_set : {"itt"} or a named set
        A set by what was received has no randomisation distribution and is refused.

    Returns
    -------
    SignificanceTest
        `statistic` as observed; two-sided p = (b + 1) / (draws + 1) with b the draws at least as
        far from 0, and its Monte Carlo standard error.

    Raises
    ------
    TrialError
        For more than two arms, a set defined by treatment received, or a horizon that is missing
        or needless.

    Notes
    -----
    Tests the sharp null that nobody's outcome, nor whether and until when it is known, depends on
    the arm; exact then, whatever the distribution. Everyone randomised is redrawn; those with a
    known outcome enter the statistic.

    References
    ----------
    Fisher (1935), The Design of Experiments; Phipson and Smyth (2010), eq. 2. Checked against full
    enumeration and R coin.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> test = randomisation_test(
    ...     load_rossi(), outcome="rearrest", draws=999, rng=np.random.default_rng(1)
    ... )
    >>> test.draws
    999
    """
    check_choice(statistic, "statistic", ("log-rank", "risk difference"))
    check_count(draws, "draws")
    check_rng(rng)
    people = compare(trial, outcome=outcome, analysis_set=analysis_set, every_arm=True)
    _check_can_redraw(people)
    measure = _statistic(trial, people, statistic, horizon)
    lost = _censored_early(people, statistic, horizon)
    observed = NAN if lost else float(measure(people.arm.astype(np.int8)[None, :])[0])
    strata = trial.assignment.stratified_by
    rule = "complete randomisation" + (f" within {', '.join(strata)}" if strata else "")
    method = f"{statistic}; {draws:,} allocations redrawn by {rule}; two-sided (b + 1)/(B + 1)"
    if np.isnan(observed):
        p_value, error = NAN, NAN
        method += f"; not estimable: {lost or NO_VARIANCE}"
    else:
        p_value = _p_value(trial, people, measure, observed, draws=draws, rng=rng)
        error = float(np.sqrt(p_value * (1 - p_value) / draws))
    until = horizon if horizon is not None else np.inf
    return SignificanceTest(
        test=f"randomisation test ({statistic})",
        outcome=outcome,
        analysis_set=analysis_set,
        arms=people.arms,
        statistic=observed,
        p_value=p_value,
        method=method,
        n=people.n,
        events=people.events(until),
        missing=people.missing,
        draws=draws,
        monte_carlo_error=error,
        time_point=NAN if horizon is None else float(horizon),
        unit=people.unit,
    )


def _check_can_redraw(people: Compared) -> None:
    if len(people.arms) != 2:
        raise TrialError(
            f"`randomisation_test` compares two arms, the trial has {len(people.arms)}; read two "
            "of them as a trial of their own."
        )
    if people.analysis_set in ("as-treated", "per-protocol"):
        raise TrialError(
            f"Analysis set {people.analysis_set!r} depends on what was received, which the rule "
            "did not draw; use 'itt' or a set fixed before randomisation."
        )


def _censored_early(people: Compared, statistic: Statistic, horizon: float | None) -> str:
    """Return why a risk cannot be compared: people whose status at the horizon is unknown."""
    if statistic == "log-rank" or horizon is None or not people.time.size:
        return ""
    early = people.censored_before(horizon)
    told = counted(early, "person is", "people are")
    return f"{told} censored earlier, so their risk is unknown" if early else ""


def _p_value(
    trial: Trial,
    people: Compared,
    measure: Callable[[Codes], FloatArray],
    observed: float,
    *,
    draws: int,
    rng: np.random.Generator,
) -> float:
    everyone = people.people.size == trial.n
    # A draw that ties with the observed statistic must count though rounding differs.
    bar = abs(observed) * (1 - 1e-9) - 1e-12
    extreme = 0
    for codes in redraw(trial.assignment, draws=draws, rng=rng):
        # A draw that leaves no variance, or nobody in an arm, says nothing against the null.
        values = np.nan_to_num(measure(codes if everyone else codes[:, people.people]))
        extreme += int((np.abs(values) >= bar).sum())
    return (extreme + 1) / (draws + 1)


def _statistic(
    trial: Trial, people: Compared, statistic: Statistic, horizon: float | None
) -> Callable[[Codes], FloatArray]:
    """Return a function from (b, n) arm codes to (b,) statistics."""
    if statistic == "log-rank":
        if horizon is not None:
            raise TrialError(
                f"`horizon` is {horizon!r}, but the log-rank statistic uses all of follow-up; "
                "leave it out, or use statistic='risk difference'."
            )
        if not people.time.size:
            raise TrialError(
                f"Outcome {people.outcome!r} is binary; use statistic='risk difference'."
            )
        stratum, _ = strata_of(trial, people, None)
        return _logrank_many(people, stratum)
    event = people.event
    if people.time.size:
        if horizon is None:
            raise TrialError(
                f"`horizon` is needed to read {people.outcome!r} as a risk: by how many "
                f"{people.unit}?"
            )
        survival_at(people, at=horizon, name="horizon")
        event = people.event_by(horizon)
    return lambda codes: _risk_difference_many(event.astype(np.float32), codes)


def _risk_difference_many(event: NDArray[np.float32], codes: Codes) -> FloatArray:
    treated = codes.astype(np.float32)
    n1 = treated.sum(axis=1, dtype=np.float64)
    x1 = (treated @ event).astype(np.float64)  # whole numbers below 2**24 are exact
    with np.errstate(divide="ignore", invalid="ignore"):
        risk1 = x1 / n1
        risk0 = (float(event.sum(dtype=np.float64)) - x1) / (event.size - n1)
        return floats(risk1 - risk0)


def _logrank_many(people: Compared, strata: IntArray | None) -> Callable[[Codes], FloatArray]:
    """Return a function from (b, n) arm codes to (b,) log-rank statistics.

    Who is at risk and who has the event does not depend on the allocation: with people in order
    of stratum and falling time, the treated at risk at an event time are one running sum.
    """
    stratum = np.zeros(people.time.size, dtype=np.int64) if strata is None else strata
    s = int(stratum.max(initial=0)) + 1
    pooled = event_table(people.time, people.event, stratum, groups=s)
    cells = np.nonzero(pooled.events)
    r, d = pooled.at_risk[cells], pooled.events[cells]
    tie = d * (r - d) / np.maximum(r - 1, 1)
    order = np.lexsort((-people.time, stratum))
    before = np.concatenate([[0], np.cumsum(np.bincount(stratum, minlength=s))])[cells[0]]
    event = people.event.astype(np.float32)

    def statistics(codes: Codes) -> FloatArray:
        running = np.zeros((codes.shape[0], people.time.size + 1), dtype=np.int32, order="F")
        np.cumsum(codes[:, order], axis=1, out=running[:, 1:])
        share = (running[:, before + r] - running[:, before]) / r
        treated = (codes.astype(np.float32) @ event).astype(np.float64)  # exact below 2**24
        difference = treated - share @ d
        variance = (share * (1 - share)) @ tie
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(variance > 0, difference / np.sqrt(variance), np.nan)

    size = max(1, BLOCK_CELLS // people.time.size)
    return lambda codes: np.concatenate(
        [statistics(codes[start : start + size]) for start in range(0, codes.shape[0], size)]
    )
