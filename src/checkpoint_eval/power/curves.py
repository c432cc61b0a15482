"""Power over a grid: of people, of any number of a comparison, of overrides and navigators."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from checkpoint_eval._arrays import floats
from checkpoint_eval._checks import as_tuple, check_known, check_mapping
from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.power.comparing import Comparison, check_comparison
from checkpoint_eval.power.sizing import people_needed
from checkpoint_eval.power.solving import Asked, given, refuse_no_effect
from checkpoint_eval.power.wrapped import Diluted, PartiallyNested


def power_curve(
    design: Comparison,
    *,
    n: Sequence[float],
    over: Mapping[str, Sequence[Any]] | None = None,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> pd.DataFrame:
    """Tell the power for many numbers of people and many values of the comparison.

    Parameters
    ----------
    design : comparison
    n : sequence of int
        People in all, split by `ratio`.
    over : mapping of field to values, optional
        Fields of the comparison to vary, all combinations: ``{"control": (0.4, 0.5)}``. A field of
        the comparison inside a wrapper is written ``"design.control"``.
    alpha, sided, ratio
        As of `people_needed`.

    Returns
    -------
    DataFrame
        One row a combination and n: the fields, n, control_n, treatment_n, power.

    Raises
    ------
    TrialError, UnknownColumn
        For numbers out of range; for fields the comparison does not have.

    References
    ----------
    As `power_of`. Checked against `power_of` at every point.

    Examples
    --------
    >>> from checkpoint_eval.power import Proportions
    >>> plan = Proportions(control=0.48, treatment=0.38)
    >>> power_curve(plan, n=(400, 800), over={"treatment": (0.36, 0.38)}).round(3)
       treatment    n  control_n  treatment_n  power
    0       0.36  400      200.0        200.0  0.683
    1       0.36  800      400.0        400.0  0.932
    2       0.38  400      200.0        200.0  0.524
    3       0.38  800      400.0        400.0  0.816
    """
    asked = Asked(alpha=alpha, sided=sided, ratio=ratio)
    check_comparison(design)
    people = as_tuple(n, "n", of="numbers of people")
    pairs = [given(each, asked, whole=design.enumerated) for each in people]
    control, treatment = floats(pairs).reshape(-1, 2).T
    varied = check_mapping(over, "over")
    values = [_some(each, "over", of=f"values of {name!r}") for name, each in varied.items()]
    parts = []
    for combination in itertools.product(*values):
        one = design
        for name, value in zip(varied, combination, strict=True):
            one = _replaced(one, str(name).split("."), value)
        parts.append(
            pd.DataFrame(
                dict(zip(varied, combination, strict=True))
                | {
                    "n": people,
                    "control_n": control,
                    "treatment_n": treatment,
                    "power": asked.power(one, control, treatment),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def integrity_surface(
    design: Diluted,
    *,
    overrides: Sequence[float],
    icc: Sequence[float],
    n: float,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> pd.DataFrame:
    """Tell what overrides and navigators who differ do to a plan, together.

    Parameters
    ----------
    design : Diluted
        Around a `PartiallyNested` comparison: ``Diluted(design=PartiallyNested(...))``. Its own
        overrides and ICC are those of no row; contamination and non-compliance are of all.
    overrides, icc : sequence of float
        Shares of treatment sent to control, and intraclass correlations within navigators.
    n : int
        People there are, split by `ratio`.
    power : float
        For which people are asked.
    alpha, sided, ratio
        As of `people_needed`.

    Returns
    -------
    DataFrame
        One row a pair: overrides, icc, kept (share of the effect), power with `n` people, and
        people_needed; NaN where no number will do.

    Raises
    ------
    TrialError, ImpossibleDesign
        For numbers out of range; for a comparison that is not diluted, or has no navigators.

    References
    ----------
    Lachin and Foulkes (1986); Moerbeek and Wong (2008). Checked against `power_of` and
    `people_needed` at every point, and by hand.

    Examples
    --------
    >>> from checkpoint_eval.power import PartiallyNested, Proportions
    >>> plan = Proportions(control=0.48, treatment=0.377)
    >>> nested = PartiallyNested(design=plan, icc=0.0, caseload=32.5)
    >>> found = integrity_surface(
    ...     Diluted(design=nested), overrides=(0, 0.1), icc=(0, 0.02), n=521
    ... )
    >>> found[["overrides", "icc", "power"]].round(2)
       overrides   icc  power
    0        0.0  0.00   0.63
    1        0.0  0.02   0.50
    2        0.1  0.00   0.54
    3        0.1  0.02   0.42
    """
    if not isinstance(design, Diluted) or not isinstance(design.design, PartiallyNested):
        raise ImpossibleDesign(
            "`design` must be Diluted(design=PartiallyNested(...)): overrides thin the effect, "
            "navigators the precision."
        )
    refuse_no_effect(design)
    shares = _some(overrides, "overrides", of="shares")
    correlations = _some(icc, "icc", of="correlations")
    found = power_curve(
        design,
        n=(n,),
        over={"overrides": shares, "design.icc": correlations},
        alpha=alpha,
        sided=sided,
        ratio=ratio,
    )
    plans = [
        _replaced(_replaced(design, ["overrides"], share), ["design", "icc"], each)
        for share, each in itertools.product(shares, correlations)
    ]
    needed = [
        people_needed(plan, power=power, alpha=alpha, sided=sided, ratio=ratio).people
        for plan in plans
    ]
    found = found.rename(columns={"design.icc": "icc"})[["overrides", "icc", "power"]]
    return found.assign(kept=[plan.kept for plan in plans], people_needed=needed)


def _some(values: Sequence[Any], name: str, *, of: str) -> tuple[Any, ...]:
    """Return one value or more."""
    several = as_tuple(values, name, of=of)
    if not several:
        raise TrialError(f"`{name}` must list {of}, at least one, got {values!r}.")
    return several


def _replaced(design: Any, path: list[str], value: Any) -> Any:
    """Return a comparison with a field replaced, also one of those inside."""
    if not isinstance(design, Comparison):
        raise UnknownColumn(
            f"{'.'.join(path)!r} is sought in {design!r}, which is no comparison and has no fields."
        )
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(design)  # type: ignore[arg-type]
    names = [field.name for field in fields]
    name = check_known(path[0], names, what=f"field of {type(design).__name__}")
    if len(path) > 1:
        value = _replaced(getattr(design, name), path[1:], value)
    return dataclasses.replace(design, **{name: value})  # type: ignore[type-var]
