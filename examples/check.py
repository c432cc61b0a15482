"""Step 4, check: was the randomisation kept? Asked before any outcome is opened.

Run with `python examples/check.py`.
"""

import numpy as np

import checkpoint_eval as ce
from checkpoint_eval.balance import attrition, drift, sample_ratio_by, treatment_integrity
from checkpoint_eval.cohort import practice_trial

rng = np.random.default_rng(2016)
trial = practice_trial(ce.generate(ce.checkpoint_scenario(), rng))

# Who is there, and who is not.
print(ce.flow(trial))
print(attrition(trial, outcome="reoffence"), "\n")

# Are the arms alike, as chance makes them?
print(ce.standardised_differences(trial))
print(ce.omnibus_balance(trial))
print(ce.sample_ratio_test(trial))
print(sample_ratio_by(trial), "\n")

# Did the difference between the arms run away at some time, as when somebody steers?
print(drift(trial, draws=500, rng=rng), "\n")

# And was treatment received as assigned, in each suite?
integrity = treatment_integrity(trial, by="suite")
print(integrity)
print(f"Checked: {trial.n} people, no outcome opened.")
