"""What a Cox model is fitted to: people, their columns, and their rows of time at risk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import as_names, check_choice
from checkpoint_eval._memory import remembered
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError
from checkpoint_eval.models.compared import Compared, strata_of
from checkpoint_eval.models.design_matrix import design_matrix
from checkpoint_eval.models.partial_likelihood import Ties
from checkpoint_eval.models.risk_sets import RiskSets
from checkpoint_eval.outcomes.baseline import Covariate, crossed
from checkpoint_eval.outcomes.time_varying import TimeVarying
from checkpoint_eval.outcomes.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxColumns:
    """Columns of the trial that a Cox model reads beside its covariates; all may be left out.

    Attributes
    ----------
    cluster : str or None
        Over which the sandwich is summed.
    weights : str or None
        Case weights, above 0.
    offset : str or None
        Added to the linear predictor with the coefficient 1.
    entry : str or None
        From when on a person was at risk, in the outcome's unit.
    varying : TimeVarying or None
        Covariates that change after randomisation.
    """

    cluster: str | None = None
    weights: str | None = None
    offset: str | None = None
    entry: str | None = None
    varying: TimeVarying | None = None

    def __post_init__(self) -> None:
        for name in ("cluster", "weights", "offset", "entry"):
            column = getattr(self, name)
            if column is not None and not isinstance(column, str):
                raise TrialError(f"`{name}` must be the name of a column, got {column!r}.")

    @property
    def complete(self) -> tuple[str, ...]:
        """Columns without which a person cannot be analysed."""
        return tuple(name for name in (self.cluster, self.offset, self.entry) if name)

    @property
    def none(self) -> bool:
        """Whether a model reads no such column."""
        return self == CoxColumns()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class CoxModel:
    """A Cox model of n people before it is fitted.

    Attributes
    ----------
    adjust : tuple of str
    stratum : (n,) int or None
    strata : tuple of str
        Columns that strata are the combinations of.
    told : str
        Strata, in words.
    sandwich : bool
        Whether the variance is the sandwich's.
    weighs : bool
        Whether its weights are no counts of people.
    """

    trial: Trial
    people: Compared
    adjust: tuple[str, ...]
    stratum: IntArray | None
    strata: tuple[str, ...]
    told: str
    ties: Ties
    sandwich: bool
    weighs: bool
    columns: CoxColumns

    @classmethod
    def of(
        cls,
        trial: Trial,
        people: Compared,
        adjust: tuple[str, ...],
        *,
        strata: str | Sequence[str] | None,
        ties: Ties,
        robust: bool,
        columns: CoxColumns,
    ) -> "CoxModel":
        """Check what is asked for."""
        check_choice(ties, "ties", ("efron", "breslow"))
        check_flag(robust, "robust")
        refuse_repeated(adjust, as_names(() if strata is None else strata))
        stratum, told = strata_of(trial, people, strata)
        if not isinstance(columns.varying, TimeVarying | None):
            raise TrialError(
                f"`varying` must be a `TimeVarying`, got {type(columns.varying).__name__}."
            )
        weighs = columns.weights is not None and not _whole(
            _weights(trial, people, columns.weights)
        )
        return cls(
            trial=trial,
            people=people,
            adjust=adjust,
            stratum=stratum,
            strata=trial.assignment.stratified_by if strata is None else as_names(strata),
            told=told,
            ties=ties,
            sandwich=robust or columns.cluster is not None or weighs,
            weighs=weighs,
            columns=columns,
        )

    @property
    def arms_only(self) -> bool:
        """Whether people of one arm, stratum and time are alike to the model."""
        return not self.adjust and self.columns.none

    @property
    def stratum_labels(self) -> tuple[str, ...]:
        """What each stratum is called; one without a name where there are none."""
        if self.stratum is None:
            return ("",)
        codes, labels = crossed(self.people.columns(self.trial, self.strata))
        held, first = np.unique(self.stratum, return_index=True)
        called = dict(zip(held.tolist(), codes[first].tolist(), strict=True))
        return tuple(labels[called[code]] if code in called else "" for code in range(held[-1] + 1))

    @property
    def terms(self) -> tuple[str, ...]:
        """Treatment arms, then covariates."""
        return self.people.arms[1:] if self.arms_only else rows_of(self).terms

    @property
    def method(self) -> str:
        """The model in words."""
        columns, cluster = self.columns, self.columns.cluster
        varying = ", ".join(columns.varying.values) if columns.varying else ""
        parts = (
            f"Cox, {self.ties.capitalize()} ties",
            self.told,
            f"adjusted for {', '.join(self.adjust)}" if self.adjust else "",
            f"and over time for {varying}, so no effect of the arms alone" if varying else "",
            f"at risk from {columns.entry} on" if columns.entry else "",
            f"weighted by {columns.weights}" if columns.weights else "",
            f"offset {columns.offset}" if columns.offset else "",
            ("sandwich variance" + (f" by {cluster}" if cluster else "")) if self.sandwich else "",
        )
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoxRows:
    """r rows of time at risk: one a person, or more where a covariate changes.

    Attributes
    ----------
    terms : (p,) str
    person : (r,) int
        Place among the people compared.
    x : (r, p) float
    start : (r,) float or None
    stop : (r,) float
    event : (r,) bool
    weight, offset : (r,) float
    """

    terms: tuple[str, ...]
    person: IntArray
    x: FloatArray
    start: FloatArray | None
    stop: FloatArray
    event: BoolArray
    weight: FloatArray
    offset: FloatArray


@remembered
def rows_of(model: CoxModel) -> CoxRows:
    """Return the rows a model is fitted to.

    Raises
    ------
    ImpossibleDesign
        For constant or collinear covariates, which are named.
    InvalidData
        For weights that are not above 0, entry that is not before the end of follow-up, and
        values of changing covariates that are unknown.
    """
    people, columns = model.people, model.columns
    n = people.people.size
    matrix = design_matrix(model.trial, people, model.adjust)
    person, x, stop = np.arange(n), matrix.values, people.time
    start = None if columns.entry is None else _entries(model, columns.entry)
    event, terms = people.event, matrix.terms
    if columns.varying is not None:
        if columns.varying.people != model.trial.n:
            raise InvalidData(
                f"`varying` is of {columns.varying.people} people, the trial has {model.trial.n}; "
                "give it for everyone in the trial, by row."
            )
        # Those at risk from the start are at risk at time 0 too.
        begin = np.full(n, -1.0) if start is None else start
        person, start, stop, changing = columns.varying.split(people.people, begin, people.time)
        event = event[person] & (stop == people.time[person])
        taken = sorted({*terms, *people.arms, *model.adjust} & set(columns.varying.values))
        if taken:
            raise TrialError(
                f"`varying` has {taken[0]!r}, which the model has already; give it another name."
            )
        x, terms = np.column_stack([x[person], changing]), (*terms, *columns.varying.values)
    weight = (
        np.ones(n) if columns.weights is None else _weights(model.trial, people, columns.weights)
    )
    offset = np.zeros(n) if columns.offset is None else _number(model, columns.offset, "offset")
    return CoxRows(
        terms=terms,
        person=person,
        x=floats(x),
        start=start,
        stop=floats(stop),
        event=event,
        weight=weight[person],
        offset=offset[person],
    )


@remembered
def person_sets(model: CoxModel) -> RiskSets:
    """Return the risk sets of a model's rows, each a row of its own."""
    rows, cluster = rows_of(model), model.columns.cluster
    group = rows.person if model.columns.varying is not None else None
    if cluster is not None:
        group = model.people.columns(model.trial, (cluster,))[0].codes[rows.person]
    return RiskSets.of(
        rows.x,
        rows.stop,
        rows.event,
        entry=rows.start,
        weight=rows.weight,
        stratum=None if model.stratum is None else model.stratum[rows.person],
        cluster=group,
        offset=rows.offset,
    )


def risk_sets_of(model: CoxModel) -> RiskSets:
    """Return the risk sets to fit: alike people together where only arms are compared."""
    if model.arms_only:
        return RiskSets.of_table(model.people.table_by_stratum(model.stratum))
    return person_sets(model)


def _number(model: CoxModel, name: str, argument: str) -> FloatArray:
    return _numeric(model.people.columns(model.trial, (name,))[0], argument)


def _numeric(column: Covariate, argument: str) -> FloatArray:
    if column.levels:
        raise TrialError(
            f"`{argument}` is the column {column.name!r}, which holds categories; name one that "
            "holds numbers."
        )
    return column.values


def _entries(model: CoxModel, name: str) -> FloatArray:
    entry = _number(model, name, "entry")
    wrong = np.flatnonzero(~(entry < model.people.time))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidData(
            f"{name!r} is {entry[row]:g} for the person in row {int(model.people.people[row])}, "
            f"whose time ends at {model.people.time[row]:g}; `entry` must come before it "
            f"({wrong.size} such people)."
        )
    return entry


def _weights(trial: Trial, people: Compared, name: str) -> FloatArray:
    weight = _numeric(people.columns(trial, (name,))[0], "weights")
    wrong = np.flatnonzero(~((weight > 0) & (weight < np.inf)))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidData(
            f"{name!r} is {weight[row]:g} for the person in row {int(people.people[row])}; "
            f"`weights` must be above 0 for everyone ({wrong.size} are not)."
        )
    return weight


def _whole(values: FloatArray) -> bool:
    return bool((values == np.rint(values)).all())


def check_flag(value: bool, name: str) -> bool:  # noqa: FBT001 - it is what is checked
    """Return True or False, and nothing else."""
    if not isinstance(value, bool | np.bool_):
        raise TrialError(f"`{name}` must be True or False, got {value!r}.")
    return bool(value)


def refuse_constant(sets: RiskSets, terms: tuple[str, ...], *, arms: int) -> None:
    """Refuse a covariate, after so many arms, that varies within no stratum."""
    spread = np.abs(sets.covariates).max(axis=0)
    told = zip(terms[arms:], spread[arms:], strict=True)
    still = [term for term, each in told if not each > 0]
    if still:
        raise ImpossibleDesign(
            f"{still[0]!r} does not vary within the strata, so no comparison there tells of it; "
            "leave it out of `adjust`, `varying` or `strata`."
        )


def refuse_repeated(adjust: tuple[str, ...], strata: tuple[str, ...]) -> None:
    """Refuse a column that is both adjusted for and stratified by."""
    repeated = sorted(set(adjust) & set(strata))
    if repeated:
        raise TrialError(f"{repeated[0]!r} stands in both `adjust` and `strata`; keep one.")
