"""The labels of arms in a table: which are declared, which are found, which are one."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from checkpoint_eval import _frames
from checkpoint_eval._frames import at_row
from checkpoint_eval.errors import ImpossibleDesign, InvalidData

Arms: TypeAlias = Sequence[object] | Mapping[Any, str] | None


def same_label(label: object) -> object:
    """Return a key under which 0, 0.0, False and numpy's zeros are one label."""
    if isinstance(label, (bool, np.bool_, int, float, np.integer, np.floating)):
        return float(label)
    return str(label)


def declared_arms(series: nw.Series[Any], *, control: object, arms: Arms) -> dict[Any, str]:
    """Return label to name for every arm, control first; guess nothing about a third label."""
    if arms is not None:
        named = dict(arms) if isinstance(arms, Mapping) else {label: str(label) for label in arms}
        keys = {same_label(label): label for label in named}
        twice = [name for name in named.values() if [*named.values()].count(name) > 1]
        if twice:
            raise ImpossibleDesign(f"`arms` calls two arms {twice[0]!r}; give each its own name.")
        if same_label(control) not in keys or len(keys) < 2 or len(keys) < len(named):
            raise ImpossibleDesign(
                f"`arms` must declare at least two different labels, `control` {control!r} among "
                f"them; got {list(named)}."
            )
        first = keys[same_label(control)]
        return {first: named[first]} | named
    codes, values = _frames.distinct(series)
    found = {same_label(value): value for value in values}
    rows = {same_label(value): int((codes == code).argmax()) for code, value in enumerate(values)}
    _check_found_arms(series.name, control, found, rows)
    treatment = next(value for key, value in found.items() if key != same_label(control))
    if set(found) == {0.0, 1.0}:
        return {found[same_label(control)]: "control", treatment: "treatment"}
    return {found[same_label(control)]: str(found[same_label(control)]), treatment: str(treatment)}


def _check_found_arms(
    column: str, control: object, found: dict[object, object], rows: dict[object, int]
) -> None:
    shown = ", ".join(f"{value!r} (first at {at_row(rows[key])})" for key, value in found.items())
    if same_label(control) not in found:
        raise InvalidData(
            f"`control` is {control!r}, but the arm column {column!r} holds {shown or 'nothing'}; "
            "name the value that means control."
        )
    if len(found) == 1:
        raise ImpossibleDesign(
            f"The arm column {column!r} holds one arm only, {shown}; a comparison needs two."
        )
    if len(found) > 2:
        raise InvalidData(
            f"The arm column {column!r} holds more than two labels: {shown}; "
            "correct stray values, or declare all arms, for example arms=("
            + ", ".join(repr(value) for value in list(found.values())[:3])
            + ")."
        )
