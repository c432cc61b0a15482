"""Step 5, analyse: what the contract did to reoffending, to its harm and to people's needs.

Run with `python examples/analyse.py`. The trial is invented, so the truth is known: it is printed
beside what was found.
"""

from functools import partial

import numpy as np

import checkpoint_eval as ce
from checkpoint_eval.cohort import practice_trial, true_value, true_values
from checkpoint_eval.models import (
    compare_pathways,
    complier_average_effect,
    effects_by_analysis,
    mean_cumulative_difference,
    mean_difference,
    partially_nested_difference,
    subgroup_effects,
)
from checkpoint_eval.outcomes import Counting, pathway_scores, reoffence_episodes

rng = np.random.default_rng(2016)
cohort = ce.generate(ce.checkpoint_scenario(), rng)
trial = practice_trial(cohort)
truths = true_values(cohort, limit_people=50_000)

# The primary outcome, in absolute and in relative terms, as everybody was assigned.
risk = ce.risk_difference(trial, outcome="reoffence", horizon=730)
ratio = ce.hazard_ratio(trial, outcome="reoffence", adjust=["age", "record"])
truth = true_value(truths, "risk difference", months=24)
print(risk, ratio, sep="\n")
print(f"The truth in this cohort: {100 * truth.in_cohort:.1f} points.")
print(ce.randomisation_test(trial, outcome="reoffence", rng=rng), "\n")

# The effect on those whom the assignment moved, and what looks like an effect but is none.
print(effects_by_analysis(trial, outcome="reoffence", horizon=730))
print(complier_average_effect(trial, outcome="reoffended", adjust=["age", "record"]), "\n")

# Navigators share people: with few of them the interval is wider than people alone would have it.
print(partially_nested_difference(trial, outcome="reoffended", navigator="navigator"), "\n")

# Every reoffence, not the first alone, and their harm in days.
recorded = Counting(proven=False)
records = cohort.records()
episodes = reoffence_episodes(records, cohort.assignment, months=24, counting=recorded)
extracts = ce.Trial(
    assignment=cohort.assignment, ids=cohort.assignment.ids, outcomes={"reoffences": episodes}
)
print(mean_cumulative_difference(extracts, outcome="reoffences", at=720))
print(mean_difference(trial, outcome="harm", adjust=["age", "record"], method="lin"), "\n")

# The critical pathways, as one family: is need less at exit, and on which of them?
scores = pathway_scores(records, cohort.assignment, months=6)
pathways = compare_pathways(extracts, scores, draws=2_000, rng=rng)
print(pathways)
for need in pathways.with_need.effects:
    print(f"  {need.outcome:<45} {need.value:+.2f} ({need.low:+.2f} to {need.high:+.2f})")

# Did it do more for some? Exploratory, and read by the interaction, not by each subgroup.
effect = partial(ce.risk_difference, outcome="reoffended")
subgroups = subgroup_effects(trial, effect=effect, by=["female", "age"], cuts={"age": [25]})
print("\n", subgroups, "\n", sep="")
points = f"{100 * risk.value:.1f} points ({100 * risk.low:.1f} to {100 * risk.high:.1f})"
print(f"Found: {points}; true: {100 * truth.in_cohort:.1f}.")
