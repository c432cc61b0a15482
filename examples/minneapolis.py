"""Minneapolis, as assigned and as delivered: run with `python examples/minneapolis.py`.

The police randomised arrest at domestic assaults, and officers arrested some who were assigned to
advice or separation: the more violent (Sherman and Berk 1984; Angrist 2006). Who asks only of those
treated as assigned compares different people. `published_trials.py` holds every figure printed of
this experiment against ours; here is the lesson.
"""

import checkpoint_eval as ce
from checkpoint_eval.balance import treatment_integrity
from checkpoint_eval.models import effects_by_analysis

trial = ce.load_minneapolis(version="angrist")
integrity = treatment_integrity(trial)
print(integrity, "\n")

# One question, four answers; the first alone keeps what randomisation gave.
effects = effects_by_analysis(trial, outcome="failure")
for estimate in effects.estimates:
    print(
        f"{estimate.analysis_set:<13} {estimate.estimand:<27} {100 * estimate.value:+6.1f} points "
        f"({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f}), p = {estimate.p_value:.3f}"
    )
assigned, complier = effects.intention_to_treat, effects.complier
moved = assigned.value / complier.value
print(
    f"\nOf 100 suspects {100 * moved:.0f} were arrested or not because of their assignment; for "
    f"them arrest did {1 / moved:.2f} times what assignment did for all."
)
print(f"Minneapolis: {100 * assigned.value:.1f} points as assigned.")
