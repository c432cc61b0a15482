"""The Maryland LIFE experiment from data to page: run with `python examples/rossi.py`.

Each step is one public function; the page is written to the current folder.
"""

import numpy as np

import checkpoint_eval as ce

trial = ce.load_rossi()
covariates = trial.covariates

# Was the randomisation kept? Asked before any outcome is opened.
print(ce.flow(trial))
print(ce.standardised_differences(trial))
print(ce.omnibus_balance(trial))

# What happened, in absolute and in relative terms.
print(ce.survival_curve(trial, outcome="rearrest"))
print(ce.risk_difference(trial, outcome="rearrest", horizon=52))
print(ce.risk_ratio(trial, outcome="rearrest", horizon=52))
print(ce.hazard_ratio(trial, outcome="rearrest", adjust=covariates))
print(ce.restricted_mean(trial, outcome="rearrest", horizon=52))

# How often would the randomisation alone make a difference this large?
rng = np.random.default_rng(1980)
print(ce.randomisation_test(trial, outcome="rearrest", rng=rng))

# Everything the protocol promised, and one page of it.
evaluation = ce.evaluate(trial)
print(evaluation)
print("written:", ce.write_report(evaluation, "rossi-report.html"))
