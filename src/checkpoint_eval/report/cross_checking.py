"""The second opinion: an evaluation's numbers recomputed by other packages, side by side."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import check_noun, counted
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval._values import Value
from checkpoint_eval.balance.ratio import promised_ratio
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.recomputing import (
    Column,
    no_engine,
    second_counts,
    second_curve,
    second_opinions,
)
from checkpoint_eval.report.second_engines import COUNTS, PARTS, Engine, Opinion, Opinions
from checkpoint_eval.results import NAN, Curve, Estimate, SignificanceTest

CURVE_PARTS = ("at_risk", "events", "censored", "survival", "std_error", "low", "high")
# A ratio below this is compared with it: statsmodels finds a limit of 0 as 1e-11.
SMALLEST_RATIO = 1e-3
DESCRIBED = ("participant flow", "baseline table", "standardised differences")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recomputed(Value, Shown):
    """One number of an evaluation, and the same from another engine.

    Attributes
    ----------
    outcome, measure, treatment, control, analysis_set, adjusted_for : str
        As in `Evaluation.to_frame`; a curve's arm stands in `treatment`.
    time_point : float
        Of a curve, where the two are furthest apart.
    part : str
        Which number of the result: the columns of `Evaluation.to_frame` or `Curve.to_frame`.
    ours, theirs : float
        `theirs` is NaN when no other engine gave the number.
    gap : float
        How far apart they are, relative to their size, as `cross_check` tells.
    tolerance : float
        How far apart two right answers may be.
    engine : str
        Package, version and routine; "" when none computes it.
    reason : str
        Why the two are not the same to the last digit, or why there is one only.
    """

    outcome: str
    measure: str
    treatment: str
    control: str
    analysis_set: str
    adjusted_for: str
    time_point: float
    part: str
    ours: float
    theirs: float = NAN
    gap: float = NAN
    tolerance: float = NAN
    engine: str = ""
    reason: str = ""

    @property
    def recomputed(self) -> bool:
        """Whether another engine gave the number."""
        return bool(self.engine)

    @property
    def agrees(self) -> bool:
        """Whether another engine gave the number, and the same."""
        return self.recomputed and self.gap <= self.tolerance

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return 0.0 if self.ours == self.theirs else self.ours - self.theirs

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the table; `agrees` is None where nothing was recomputed."""
        agrees = self.agrees if self.recomputed else None
        return asdict(self) | {"difference": self.difference, "agrees": agrees}


COLUMNS = [
    *("outcome", "measure", "treatment", "control", "analysis_set", "adjusted_for"),
    *("time_point", "part", "ours", "theirs", "difference", "gap", "tolerance", "agrees"),
    *("engine", "reason"),
]
SHOWN = ["outcome", "measure", "treatment", "analysis_set", "part", "ours", "theirs", "gap"]
SHOWN += ["engine"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CrossCheck(Shown):
    """Every number of an evaluation beside another engine's.

    Attributes
    ----------
    title : str
    data_digest, protocol_digest : str
        Of the evaluation.
    numbers : tuple of Recomputed
        Checks, curves, results; then what is not recomputed.
    """

    title: str
    data_digest: str
    protocol_digest: str
    numbers: tuple[Recomputed, ...]

    @property
    def disagreeing(self) -> tuple[Recomputed, ...]:
        """Numbers that another engine finds to be different."""
        return tuple(each for each in self.numbers if each.recomputed and not each.agrees)

    @property
    def agrees(self) -> bool:
        """Whether no number that could be recomputed is different."""
        return not self.disagreeing

    def _told(self) -> str:
        done = [each for each in self.numbers if each.recomputed]
        return (
            f"Cross-check of {self.title}; data {self.data_digest[:12]}: "
            f"{counted(len(done), 'number')} recomputed by another engine, "
            f"{len(done) - len(self.disagreeing)} agree; {len(self.numbers) - len(done)} could not "
            "be recomputed."
        )

    def __repr__(self) -> str:
        if self.agrees:
            return self._told()
        wrong = pd.DataFrame([each.to_row() for each in self.disagreeing])[SHOWN]
        return f"{self._told()} Different:\n{text_table(wrong)}"

    def _table(self) -> pd.DataFrame:
        return self.to_frame().sort_values("agrees", kind="stable", na_position="last")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a number; `agrees` is None where there is no second number."""
        rows = [each.to_row() for each in self.numbers]
        return pd.DataFrame(rows, columns=COLUMNS).astype({"agrees": object})


def cross_check(evaluation: Evaluation, trial: Trial) -> CrossCheck:
    """Recompute the numbers of an evaluation with other packages, from the trial's own data.

    Parameters
    ----------
    evaluation : Evaluation
    trial : Trial
        The one that was evaluated; its digest is compared.

    Returns
    -------
    CrossCheck
        One row a number. What no other engine computes is listed with the reason.

    Raises
    ------
    TrialError
        When the trial is not the one that was evaluated.
    ImportError
        Without lifelines: ``pip install "checkpoint-eval[crosscheck]"``.

    Notes
    -----
    lifelines computes curves with their limits, restricted means and hazard ratios (Efron's ties);
    statsmodels survival at a time, log-rank tests, risks and their intervals, hazard ratios with
    Breslow's ties and Pearson's chi-square; pandas counts people, events and missing. No number
    that a package computes here is checked by that package. Who is in an analysis set and whose
    outcome is missing is read off the trial by both sides. Ties, strata, weights and interval are
    those that `method` tells; where no engine has them, the row says so.

    `gap` is the difference relative to the number; of a difference between arms and its limits,
    relative to the largest number about it, as it may be 0; of statistics relative to at least 1.
    p-values are compared as the normal deviates they stand for, as their own relative error grows
    with the square of the statistic. A column of a curve is one number: the worst of its times.

    References
    ----------
    Davidson-Pilon (2019), Journal of Open Source Software 4:1317; Seabold and Perktold (2010),
    9th Python in Science Conference. Checked against evaluations with one number changed, and the
    differences known to lie in lifelines (docs/methods.md).

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> trial = load_rossi()
    >>> found = cross_check(evaluate(trial), trial)
    >>> found.agrees
    True
    >>> [each.engine.split()[0] for each in found.numbers if each.part == "survival"]
    ['lifelines', 'lifelines']
    """
    check_trial(trial)
    check_noun(evaluation, Evaluation, "evaluation", of="evaluate")
    if evaluation.data_digest != trial.digest:
        raise TrialError(
            f"`trial` has digest {trial.digest[:12]}, but the evaluation is of data "
            f"{evaluation.data_digest[:12]}; give the trial that was evaluated."
        )
    if find_spec("lifelines") is None:
        raise ImportError(
            "cross_check needs lifelines; install it with "
            'pip install "checkpoint-eval[crosscheck]".'
        )
    ratio = _promised_ratio(evaluation, trial)
    numbers: list[Recomputed] = []
    for check in evaluation.checks:
        numbers += _result_rows(Result(value=check), trial, ratio)
    for curve in evaluation.curves:
        numbers += _curve_rows(curve, trial)
    for result in (*evaluation.results, *evaluation.sensitivity):
        numbers += _result_rows(result, trial, ratio)
    return CrossCheck(
        title=evaluation.title,
        data_digest=evaluation.data_digest,
        protocol_digest=evaluation.protocol_digest,
        numbers=(*numbers, *_described()),
    )


def _promised_ratio(evaluation: Evaluation, trial: Trial) -> FloatArray:
    """Return what the sample ratio is held against: the protocol's, or as the trial promises."""
    protocol = evaluation.protocol
    return promised_ratio(trial, None if protocol is None else protocol.allocation.ratio)


def _described() -> Iterator[Recomputed]:
    """Tell of the tables that describe the data and compare nothing."""
    for measure in DESCRIBED:
        yield Recomputed(
            outcome="",
            measure=measure,
            treatment="",
            control="",
            analysis_set="itt",
            adjusted_for="",
            time_point=NAN,
            part="all",
            ours=NAN,
            reason="not recomputed: counts and means of the data, with no model",
        )


LABELS = ("outcome", "measure", "treatment", "control", "analysis_set", "adjusted_for")


def _result_rows(result: Result, trial: Trial, ratio: FloatArray) -> Iterator[Recomputed]:
    """Compare each number of a result, and list what nobody else computes."""
    row, value = result.to_row(), result.value
    labels = {name: row[name] for name in (*LABELS, "time_point")}
    opinions: Opinions = {}
    if not value.outcome or value.outcome in trial.outcomes:
        opinions = second_counts(value, trial)
        opinions |= second_opinions(value, trial, ratio) if value.estimable else {}
    reason = no_engine(value)
    if not value.estimable:
        reason = "nothing to recompute: " + value.method.rpartition("not estimable: ")[2]
        yield Recomputed(part="value", ours=NAN, reason=reason, **labels)
    scale = _scale(value, opinions)
    for part in (*PARTS, *COUNTS):
        ours, theirs = float(row[part]), opinions.get(part, reason)
        if isinstance(theirs, Opinion) and not np.isnan(theirs.value):
            if np.isnan(ours) and np.isinf(theirs.value):
                continue  # a standard error that neither has
            yield _compared(labels, part, ours, theirs, scale)
        elif not np.isnan(ours) and (part in PARTS or ours):
            told = theirs if isinstance(theirs, str) else f"{theirs.engine} gave no number"
            yield Recomputed(part=part, ours=ours, reason=told, **labels)
    if not np.isnan(result.p_adjusted):
        reason = "no second engine: p-values are adjusted by statsmodels here too"
        yield Recomputed(part="p_adjusted", ours=result.p_adjusted, reason=reason, **labels)


def _scale(value: Estimate | SignificanceTest, opinions: Opinions) -> float:
    """Return the least size that a value or limit is compared with."""
    if isinstance(value, SignificanceTest) or value.scale == "ratio":
        return SMALLEST_RATIO
    names = ("value", "low", "high", "result_control", "result_treatment")
    found = [each.value for name in names if isinstance(each := opinions.get(name), Opinion)]
    return max((abs(each) for each in found if np.isfinite(each)), default=1.0)


def _compared(
    labels: dict[str, Any], part: str, ours: float, theirs: Opinion, scale: float
) -> Recomputed:
    engine = theirs.engine
    least = {"statistic": 1.0, "std_error": 0.0}.get(part, scale)
    if part == "p_value":
        deviates = norm.isf(ours / 2), norm.isf(theirs.value / 2)
        gap = float(_gaps(*deviates, least=1.0))
    else:
        gap = float(_gaps(ours, theirs.value, least=least))
    return Recomputed(
        part=part,
        ours=ours,
        theirs=theirs.value,
        gap=gap,
        tolerance=engine.tolerance,
        engine=str(engine),
        reason=_reason(gap, engine, warned=theirs.warned),
        **labels,
    )


def _gaps(ours: FloatArray | float, theirs: FloatArray | float, *, least: float) -> FloatArray:
    """Return differences relative to theirs, or to `least`; 0 for the same infinity."""
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.abs(np.subtract(ours, theirs)) / np.maximum(np.abs(theirs), least)
    return np.where(np.equal(ours, theirs), 0.0, gap)


def _reason(gap: float, engine: Engine, *, warned: str = "") -> str:
    """Return the known source of a difference; of one too large, what the engine warned of."""
    if gap <= engine.tolerance:
        return engine.differs if gap else ""
    said = f"; {engine.package} warned: {warned}" if warned else ""
    return f"not explained by what is known ({engine.differs}){said}"


def _curve_rows(curve: Curve, trial: Trial) -> Iterator[Recomputed]:
    """Compare each column of each arm."""
    for place, arm in enumerate(curve.arms):
        columns = second_curve(curve, trial, arm)
        for part in CURVE_PARTS:
            labels: dict[str, Any] = {
                "outcome": curve.outcome,
                "measure": "survival curve",
                "treatment": arm,
                "control": "",
                "analysis_set": curve.analysis_set,
                "adjusted_for": "",
                "part": part,
            }
            if part in columns:
                ours = floats(getattr(curve, part)[place])
                yield _column_row(labels, curve.time, ours, columns[part])
            else:
                reason = "no second engine: lifelines' limits are log-log, time by time"
                yield Recomputed(time_point=NAN, ours=NAN, reason=reason, **labels)


def _column_row(
    labels: dict[str, Any], time: FloatArray, ours: FloatArray, column: Column
) -> Recomputed:
    """Compare at the time where the two are furthest apart, as where one alone is undefined."""
    gaps = np.nan_to_num(_gaps(ours, column.values, least=0.0), nan=np.inf)
    gaps = np.where(column.defined, gaps, np.where(np.isnan(ours), 0.0, np.inf))
    worst = int(gaps.argmax())
    return Recomputed(
        time_point=float(time[worst]),
        ours=float(ours[worst]),
        theirs=float(column.values[worst]),
        gap=float(gaps[worst]),
        tolerance=column.engine.tolerance,
        engine=str(column.engine),
        reason=_reason(float(gaps[worst]), column.engine),
        **labels,
    )
