"""Step 3, follow up: from police extracts, through an audit, to the outcomes of a trial.

Run with `python examples/follow_up.py`. The extract is of an invented trial and has faults put in,
as extracts have.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from checkpoint_eval import Trial, checkpoint_scenario, generate
from checkpoint_eval.outcomes import (
    CAMBRIDGE_MEDIANS,
    Records,
    audit,
    harm_days,
    merge_custody,
    proven_reoffending,
    reoffence_counts,
    time_to_reoffence,
    without_rows,
)

# What an analyst is given: a folder of tables and the day the extract was taken.
scenario = checkpoint_scenario()
dirty = replace(
    scenario.recording,
    dirty={"offence before birth": 2, "offence without a date": 3, "overlapping custody": 2},
)
cohort = generate(replace(scenario, recording=dirty), np.random.default_rng(2016))
folder = cohort.write(Path("extract"))
records = Records.from_folder(folder, extract_date=scenario.recording.extract)
assignment = cohort.assignment
print(records)

# Nothing is mended in reading. The audit names what cannot be; each repair is asked for, and told.
found = audit(records, assignment, months=24)
print(found, "\n")
for finding in found.findings:
    if finding.severity == "error" and finding.table == "offences":
        records = without_rows(records, finding)
records = merge_custody(records)
for repair in records.repairs:
    print(f"Repaired: {repair.rule}, {repair.rows} rows of {repair.table}")

# Outcomes: the official measure, and the timely local one by both clocks.
proven = proven_reoffending(records, assignment, months=12)
print(f"\nProven reoffending within 12 months and 6 to prove it: {100 * proven.rate:.1f} %.")
times = {
    clock: time_to_reoffence(records, assignment, months=24, clock=clock)
    for clock in ("elapsed", "street")
}
trial = Trial(
    assignment=assignment,
    ids=assignment.ids,
    outcomes={
        "proven": proven.reoffended,
        "reoffence": times["elapsed"],
        "reoffence at liberty": times["street"],
        "reoffences": reoffence_counts(records, assignment, months=24),
        "harm": harm_days(records, assignment, weights=CAMBRIDGE_MEDIANS, months=24),
    },
)
for name, outcome in trial.outcomes.items():
    print(f"{name}: {int(outcome.missing.sum())} missing; {outcome.provenance}")
print(trial)
