"""Step 6, report: a synthetic Checkpoint from its protocol to a page and a Word document.

Run with `python examples/report.py`, after `pip install ".[docx]"` for the Word document; both are
written to the current folder. The trial is invented; the protocol, the extract and the report are
as they would be of a real one.
"""

import numpy as np
import pandas as pd

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol
from checkpoint_eval.outcomes import (
    CAMBRIDGE_MEDIANS,
    Counting,
    harm_days,
    pathway_scores,
    reoffence_counts,
    time_to_reoffence,
)
from checkpoint_eval.report import write_word

MONTHS = 24
cohort = ce.generate(ce.checkpoint_scenario(), np.random.default_rng(2016))
records, assignment = cohort.records(), cohort.assignment

# One row a person: known at the desk, followed up by the extract, needs before and after.
recorded = Counting(proven=False)
again = time_to_reoffence(records, assignment, months=MONTHS, counting=recorded)
count = reoffence_counts(records, assignment, months=MONTHS, counting=recorded)
harm = harm_days(records, assignment, months=MONTHS, counting=recorded, weights=CAMBRIDGE_MEDIANS)
scores = pathway_scores(records, assignment, months=6)
people = cohort.people.assign(
    days=np.where(again.missing, np.nan, again.time),
    reoffended=np.where(again.missing, np.nan, again.event),
    offences=np.where(count.missing, np.nan, count.value),
    at_risk=np.where(count.missing, np.nan, count.exposure),
    harm=np.where(harm.missing, np.nan, harm.value),
)
for place, pathway in enumerate(scores.pathways):
    people[f"{pathway}, before"] = scores.baseline[:, place]
    people[f"{pathway}, after"] = scores.follow_up[:, place]
print(people[["id", "arm", "received", "days", "reoffended", "offences", "harm"]].head(), "\n")

# What was promised of it.
needs = "\n".join(
    f'[[pathways.needs]]\npathway = "{pathway}"\nbefore = "{pathway}, before"\n'
    f'after = "{pathway}, after"'
    for pathway in scores.pathways
)
PROTOCOL = f"""
title = "A synthetic trial like Checkpoint's"
registration = "not a real trial"
unit = "days"
horizon = 730
covariates = ["age", "record", "sex"]
[columns]
arm = "arm"
id = "id"
received = "received"
order = "rows"
[[arms]]
label = "prosecution"
name = "prosecution"
[[arms]]
label = "checkpoint"
name = "Checkpoint contract"
[allocation]
rule = "permuted-blocks"
sizes = [4, 6]
strata = ["suite"]
[[outcomes]]
name = "reoffence"
primary = true
variable = "first offence recorded after randomisation"
metric = "time from randomisation"
aggregation = "share by the end of follow-up; hazard ratio"
time = "days"
event = "reoffended"
[[outcomes]]
name = "offences"
variable = "offences recorded after randomisation"
metric = "number, and time at risk"
aggregation = "rate ratio"
count = "offences"
exposure = "at_risk"
[[outcomes]]
name = "harm"
variable = "harm of these offences, Cambridge Crime Harm Index"
metric = "days"
aggregation = "mean"
numeric = "harm"
[[estimands]]
outcome = "reoffence"
measure = "risk difference"
confirmatory = true
[[estimands]]
outcome = "reoffence"
measure = "hazard ratio"
adjust = ["age", "record"]
[[estimands]]
outcome = "reoffence"
measure = "restricted mean difference"
[[estimands]]
outcome = "offences"
measure = "rate ratio"
[[estimands]]
outcome = "harm"
measure = "mean difference"
[[subgroups]]
column = "sex"
[navigators]
column = "navigator"
[pathways]
scale = "scale"
{needs}
[analysis]
alpha = 0.05
draws = 2000
seed = 20160801
[planning]
people = 800
control_risk = 0.48
difference = -0.103
"""
protocol = parse_protocol(PROTOCOL)
trial = ce.Trial.from_protocol(pd.DataFrame(people), protocol)
print(protocol, trial, sep="\n")

# Everything it promised, once; then the same sections twice, for a browser and for Word. Small
# counts are withheld in both, and the page says so.
evaluation = ce.evaluate(trial)
print(evaluation, "\n")
page = ce.write_report(evaluation, "checkpoint.html")
document = write_word(evaluation, "checkpoint.docx")
print(f"written: {page} and {document}")
