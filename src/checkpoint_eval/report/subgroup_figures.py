"""Figure of subgroups: the effect in everyone, and in each level below its interaction."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._checks import check_noun
from checkpoint_eval.models.subgroup_results import Subgroup, SubgroupEffects
from checkpoint_eval.report.figures import (
    CONTROL,
    GUIDE,
    arm_colours,
    legible,
    theme,
    tick_around_null,
    wrapped,
)
from checkpoint_eval.report.tables import format_p, is_share, untold
from checkpoint_eval.results import Estimate

ROW = 0.34  # inches
LETTERS = 44  # of a line of a name


@legible
def plot_subgroups(
    found: SubgroupEffects, *, arms: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the effect in each subgroup, with events and people by arm and the interactions' p.

    Parameters
    ----------
    found : SubgroupEffects
    arms : sequence of str, optional
        Every arm of the trial, control first: each has its colour in every figure. Default: the two
        compared.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Notes
    -----
    The dashed line is the effect in everyone: a level whose interval crosses it may well have that
    effect. An area is proportional to the people of a level. Levels that are not estimable keep
    their rows and counts. p is of the interaction, as computed and after Holm's adjustment.

    Examples
    --------
    >>> from functools import partial
    >>> from checkpoint_eval import load_rossi, risk_difference
    >>> from checkpoint_eval.models import subgroup_effects
    >>> effect = partial(risk_difference, outcome="rearrest", horizon=52)
    >>> ax = plot_subgroups(subgroup_effects(load_rossi(), effect=effect, by="race"))
    >>> ax.get_xlabel().splitlines()[0]
    'Risk difference of rearrest, percentage points'
    """
    check_noun(found, SubgroupEffects, "found", of="subgroup_effects")
    lines = _lines(found)
    overall = found.overall
    treatment, control = overall.contrast
    with theme():
        ax = _axes(found, len(lines)) if ax is None else ax
        colour = arm_colours((control, treatment), every=arms)[treatment]
        for place, (_, effect, _) in enumerate(lines):
            if effect is not None:
                _effect(ax, place, effect, sum(overall.n), colour)
        ax.axvline(overall.null, color=GUIDE, lw=1, zorder=0)
        if overall.estimable:
            ax.axvline(overall.value, color=colour, lw=1, ls=(0, (4, 3)), zorder=0)
        ax.set_ylim(len(lines) - 0.4, -1.4)
        _write(ax, lines, overall)
        _scale(ax, overall)
    return ax


_Line = tuple[str, Estimate | None, Subgroup | None]


def _lines(found: SubgroupEffects) -> list[_Line]:
    """Return what stands in each row: everyone, then columns with their levels."""
    lines: list[_Line] = [("Everyone", found.overall, None)]
    for each in found.subgroups:
        lines.append((_name(each.moderator), None, each))
        lines += [
            (_name(level), effect, None)
            for level, effect in zip(each.levels, each.effects, strict=True)
        ]
    return lines


def _name(text: str) -> str:
    """Return a name in two lines where it is long: a row has room for two."""
    return wrapped(text, max(LETTERS, len(text) // 2 + 8))


def _axes(found: SubgroupEffects, rows: int) -> Axes:
    """Return axes with room for names to their left and the table to their right."""
    names = [part for label, _, _ in _lines(found) for part in label.split("\n")]
    left, middle, right = 0.4 + 0.07 * max(map(len, names)), 3.6, 4.3
    width, height = left + middle + right, ROW * (rows + 1) + 1.0
    figure = plt.figure(figsize=(width, height))
    return figure.add_axes((left / width, 0.75 / height, middle / width, 1 - 0.95 / height))


def _effect(ax: Axes, place: int, effect: Estimate, everyone: int, colour: str) -> None:
    if not effect.estimable:
        ax.annotate(untold(effect), (0.5, place), xycoords=("axes fraction", "data"), ha="center",
                    va="center", size=8.5, color=CONTROL, style="italic",
                    bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
        return
    size = 3 + 7 * np.sqrt(sum(effect.n) / max(everyone, 1))
    ax.plot([effect.low, effect.high], [place, place], color=colour, lw=1.5)
    ax.plot(effect.value, place, "s", color=colour, ms=size)


def _write(ax: Axes, lines: list[_Line], overall: Estimate) -> None:
    """Write names to the left, and counts and p to the right."""
    treatment, control = overall.contrast
    ax.set_yticks(range(len(lines)), [label for label, _, _ in lines], size=9)
    for text, (_, effect, _) in zip(ax.get_yticklabels(), lines, strict=True):
        text.set_fontweight("normal" if effect is not None else "bold")
    counted = "Events / people" if overall.events else "People"
    heads = ((1.2, control), (1.53, treatment), (1.9, "Interaction p\n(after Holm)"))
    for x, head in heads:
        told = head if x > 1.6 else "\n".join([*textwrap.wrap(head, 16), counted])
        _cell(ax, x, -0.55, told, bold=True, va="bottom")
    for place, (_, effect, subgroup) in enumerate(lines):
        if effect is not None:
            for x, arm in ((1.2, 0), (1.53, 1)):
                _cell(ax, x, place, _counts(effect, arm))
        if subgroup is not None:
            p_value, adjusted = subgroup.interaction.p_value, subgroup.p_adjusted
            told = "–" if np.isnan(p_value) else f"{format_p(p_value)} ({format_p(adjusted)})"
            standing = "planned" if subgroup.planned else "exploratory"
            _cell(ax, 1.9, place, f"{told}, {standing}")


def _counts(effect: Estimate, arm: int) -> str:
    lost = f" (+{effect.missing[arm]:,})" if effect.missing[arm] else ""
    events = f"{effect.events[arm]:,} / " if effect.events else ""
    return f"{events}{effect.n[arm]:,}{lost}"


def _cell(
    ax: Axes, x: float, place: float, text: str, *, bold: bool = False, va: str = "center"
) -> None:
    ax.annotate(text, (x, place), xycoords=("axes fraction", "data"), ha="center", va=va,
                size=8.5, weight="bold" if bold else "normal", annotation_clip=False)  # fmt: skip


def _scale(ax: Axes, overall: Estimate) -> None:
    """Label the axis: round numbers on a log scale of ratios, percentage points of shares."""
    factor = 100 if is_share(overall) else 1
    if overall.scale == "ratio":
        ax.set_xscale("log")
    tick_around_null(ax, overall.null, most=5, factor=factor)
    points = ", percentage points" if factor > 1 else ""
    lost = "; (+) missing" if any(overall.missing) else ""
    named = wrapped(f"{overall.estimand.capitalize()} of {overall.outcome}{points}", 70)
    ax.set_xlabel(f"{named}\n(dashed: everyone{lost})", size=9)
    ax.tick_params(axis="x", labelsize=8.5)
