"""Differences between curves of two arms, for allocations redrawn many at a time."""

from collections.abc import Callable

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.models.resampled_people import (
    check_horizon,
    check_outcome,
    counts_repeats,
    ends_of,
    everyones_intervals,
)
from checkpoint_eval.models.resampled_statistics import contrast, summary_of
from checkpoint_eval.models.resampled_tallies import Cells, Codes, Intervals, cells_of
from checkpoint_eval.outcomes.trial import Trial


def contrast_of_curves(
    trial: Trial,
    people: Compared,
    *,
    statistic: str,
    horizon: float | None,
    cause: str | None,
) -> tuple[Callable[[Codes], FloatArray], float]:
    """Return a function from (b, n) arm codes to (b,) differences, and the horizon.

    Where an allocation ends an arm's follow-up before the horizon its curve is carried forward;
    where it leaves an arm empty there is no difference.
    """
    check_outcome(trial, people.outcome, statistic)
    ends = ends_of(trial, people, statistic, cause)
    when = check_horizon(trial, people, ends, horizon, statistic)
    sample: Cells | Intervals = (
        everyones_intervals(trial, people, until=when)
        if counts_repeats(statistic)
        else cells_of(people.time, ends, until=when)
    )
    tallies = sample.redrawn()
    summary = summary_of(statistic, sample.time, when)

    def of(codes: Codes) -> FloatArray:
        control, treatment = (summary(tally) for tally in tallies(codes))
        treated = codes.sum(axis=1, dtype=np.int64)
        both = (treated > 0) & (treated < codes.shape[1])
        return floats(np.where(both, contrast(statistic, control, treatment), np.nan))

    return of, when
