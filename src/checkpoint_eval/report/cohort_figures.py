"""Figures of invented cohorts."""

import numpy as np
from matplotlib.axes import Axes

from checkpoint_eval._checks import check_noun
from checkpoint_eval.cohort.faithfulness import Fidelity
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.figures import CONTROL, TREATMENTS, legible, own_axes, theme

FAR = 3.0  # standard errors


@legible
def plot_fidelity(found: Fidelity, *, ax: Axes | None = None) -> Axes:
    """Draw how far each measure of a cohort is from its reference, in standard errors.

    Parameters
    ----------
    found : Fidelity
        Of `fidelity`. Each measure's two values stand at the right.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario, fidelity
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> ax = plot_fidelity(fidelity(cohort, cohort.people))
    >>> ax.get_xlabel()
    'Cohort less reference, in standard errors (shaded: within 3)'
    """
    check_noun(found, Fidelity, "found", of="fidelity")
    rows = [each for each in found.margins if not np.isnan(each.errors_away)]
    if not rows:
        raise TrialError("No measure of `found` is known, so there is nothing to draw.")
    with theme():
        height = 1.0 + 0.26 * len(rows)
        ax = own_axes(ax, (7.2, height), layout="constrained")
        y = np.arange(len(rows))
        away = np.array([each.errors_away for each in rows])
        known = np.abs(away[np.isfinite(away)])
        reach = max(FAR + 1, 1.1 * float(known.max(initial=0.0)))
        away = np.clip(away, -reach, reach)  # what cannot be so at all stands at the edge
        ax.axvspan(-FAR, FAR, color=TREATMENTS[0], alpha=0.08, lw=0)
        ax.axvline(0, color=CONTROL, lw=0.8)
        ax.hlines(y, 0, away, color=CONTROL, lw=0.8)
        ax.plot(away, y, "o", color=TREATMENTS[0], ms=4)
        ax.set_yticks(y, [each.measure for each in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(-reach, reach)
        ax.set_xlabel("Cohort less reference, in standard errors (shaded: within 3)")
        right = ax.secondary_yaxis("right")
        right.set_yticks(y, [f"{each.cohort:.3g}  /  {each.reference:.3g}" for each in rows])
        right.tick_params(length=0)
        right.spines["right"].set_visible(False)
        ax.text(1.02, 1.0, "cohort / reference", transform=ax.transAxes, va="bottom", size="small")
    return ax
