"""How far the arms drifted apart while people came, against what the rule would do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, frozen
from checkpoint_eval._checks import check_count, check_level, check_rng
from checkpoint_eval._display import Shown
from checkpoint_eval.design.declared import rule_told
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.randomise.redrawing import redraw, tail_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Drift(Shown):
    """The difference between two arms after each person, in order of arrival.

    Attributes
    ----------
    when : (n,)
        Each person's place, or the times given.
    difference : (n,) float
        Treatment less control, counts divided by the ratio.
    low, high : (n,) float
        Pointwise: differences of redrawn allocations that bound the middle `level` of them.
    largest : float
        The greatest size of the difference.
    p_value, monte_carlo_error : float
        How often the rule drifts as far or farther.
    """

    arms: tuple[str, ...]
    rule: str
    when: NDArray[np.generic]
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    largest: float
    p_value: float
    monte_carlo_error: float

    def __post_init__(self) -> None:
        for name in ("when", "difference", "low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __repr__(self) -> str:
        return (
            f"Drift of {self.difference.size} allocations by {self.rule}: at most "
            f"{self.largest:g} apart, {self.difference[-1]:g} at the end; p = {self.p_value:.3g} "
            f"(Monte Carlo error {self.monte_carlo_error:.2g})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person, in order of arrival."""
        return pd.DataFrame(
            {
                "when": self.when,
                "difference": self.difference,
                "low": self.low,
                "high": self.high,
            }
        )


def drift(
    trial: Trial,
    *,
    when: Sequence[object] | None = None,
    level: float = 0.95,
    draws: int = 2_000,
    rng: np.random.Generator,
) -> Drift:
    """Follow the difference between two arms over the order of arrival or the calendar.

    Parameters
    ----------
    trial : Trial
        Two arms; without a stated rule complete randomisation within strata is supposed, and rows
        are taken to stand in order of arrival.
    when : sequence, optional
        When each person was allocated, by row, such as dates; only for reading the result.
    level : float
        Of the band that the rule stays within.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    Drift

    Raises
    ------
    TrialError
        For more than two arms.
    InvalidData
        When `when` has not one value a person, or runs against the order of arrival.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (imbalance over time). Checked
    against exact recursion.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> drift(load_rossi(), draws=200, rng=np.random.default_rng(1)).difference[-1]
    np.float64(0.0)
    """
    check_trial(trial)
    check_level(level)
    if len(trial.arms) != 2:
        raise TrialError(
            f"`drift` follows two arms, the trial has {len(trial.arms)}; read two of them as a "
            "trial of their own."
        )
    order, rule = trial.assignment.order, trial.assignment.rule
    ratio = rule.shares() if rule is not None else (1, 1)
    unit = math.lcm(*ratio)  # whole steps, so that sums are exact
    place = np.arange(1, trial.n + 1)
    fair = place * ratio[1] // sum(ratio)

    def of(ahead: IntArray) -> IntArray:
        """Return differences, in units, from how many treated there are beyond the fair number."""
        return (fair + ahead) * (unit // ratio[1]) - (place - fair - ahead) * (unit // ratio[0])

    difference = of(np.cumsum(trial.assignment.arm[order]) - fair)
    largest = int(np.abs(difference).max())
    seen, extreme = np.zeros((trial.n, 1), dtype=np.int64), 0
    for codes in redraw(trial.assignment, draws=check_count(draws, "draws"), rng=check_rng(rng)):
        ahead = np.cumsum(codes[:, order], axis=1, dtype=np.int64) - fair
        extreme += int((np.abs(of(ahead)).max(axis=1) >= largest).sum())
        seen = _counted(seen, ahead)
    low, high = (of(_quantile(seen, share)) for share in ((1 - level) / 2, (1 + level) / 2))
    found = tail_of(extreme, draws)
    return Drift(
        arms=trial.arms,
        rule="complete randomisation" if rule is None else rule_told(rule),
        when=_when(when, trial)[order] if when is not None else np.arange(trial.n),
        difference=difference / unit,
        low=low / unit,
        high=high / unit,
        level=level,
        largest=largest / unit,
        p_value=found.p_value,
        monte_carlo_error=found.error,
    )


def _counted(counts: IntArray, path: IntArray) -> IntArray:
    """Return (n, 2 r + 1) how often each number −r to r was seen, with (b, n) more paths.

    Counted, paths need not be kept.
    """
    reach, more = counts.shape[1] // 2, int(np.abs(path).max())
    wider = max(0, more - reach)
    counts = np.pad(counts, ((0, 0), (wider, wider)))
    people, width = counts.shape
    for part in np.array_split(path, max(1, path.size // 4_000_000)):
        cells = np.arange(people) * width + part + width // 2
        counts += np.bincount(cells.ravel(), minlength=counts.size).reshape(people, width)
    return counts


def _quantile(counts: IntArray, share: float) -> IntArray:
    """Return (n,) the least number that at least this share of paths did not exceed."""
    reached = np.cumsum(counts, axis=1)
    bar = np.ceil(share * reached[:, -1:] - 1e-9)
    return np.asarray((reached >= np.maximum(bar, 1)).argmax(axis=1) - counts.shape[1] // 2)


def _when(when: Sequence[object], trial: Trial) -> NDArray[np.generic]:
    times = np.asarray(when)
    if pd.isna(times).any():
        row = int(pd.isna(times).ravel().argmax())
        raise InvalidData(f"`when` is missing at row {row}; give everyone a number or a date.")
    if times.dtype == object and all(isinstance(each, date) for each in times.ravel()):
        zoned = [each for each in times.ravel() if getattr(each, "tzinfo", None) is not None]
        told = pd.to_datetime(times.ravel(), utc=True).tz_localize(None) if zoned else times
        times = np.asarray(told).reshape(times.shape).astype("datetime64[us]")
    if times.shape != (trial.n,):
        raise InvalidData(f"`when` has shape {times.shape}; it needs one value for {trial.n}.")
    in_order = times[trial.assignment.order]
    try:
        back = np.flatnonzero(~(in_order[1:] >= in_order[:-1]))
    except TypeError as problem:
        raise InvalidData(
            "`when` holds values that have no order, such as a number and a name; give everyone a "
            "number or a date."
        ) from problem
    if back.size:
        row = int(trial.assignment.order[back[0] + 1])
        raise InvalidData(
            f"`when` at row {row} ({times[row]}) lies before that of the person who came earlier; "
            "check it, or the order of arrival."
        )
    return times
