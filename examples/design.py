"""Step 1, design: what is promised, and by which rule people are allocated.

Run with `python examples/design.py`; the protocol is written to the current folder.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from checkpoint_eval import Minimisation, PermutedBlocks, Stratified, read_protocol
from checkpoint_eval.balance import compare_rules
from checkpoint_eval.design import BigStick
from checkpoint_eval.power import Proportions, power_of

# Who may arrive: two custody suites, two bands of risk. An officer who sees one suite's book can
# guess the next arm where the rule is too tidy; a rule that cannot be guessed balances less well.
rng = np.random.default_rng(2016)
people = pd.DataFrame(
    {
        "suite": rng.choice(["Durham", "Darlington"], 200, p=[0.6, 0.4]),
        "band": rng.choice(["low", "moderate"], 200),
    }
)
rules = {
    "blocks of 4": Stratified(rule=PermutedBlocks(sizes=(4,)), by=("suite",)),
    "blocks of 4 and 6": Stratified(rule=PermutedBlocks(sizes=(4, 6)), by=("suite",)),
    "big stick": Stratified(rule=BigStick(tolerance=3), by=("suite",)),
    "minimisation": Minimisation(factors=("suite", "band"), p_best=0.8),
}
table = compare_rules(
    rules, people=people, sees="suite", factors=("suite", "band"), draws=1_000, rng=rng
)
print(table, "\n")

# The promise, written down before anyone is recruited: each comparison, its standing, the errors.
PROTOCOL = """
title = "A contract instead of prosecution"
registration = "not a real trial"
unit = "days"
horizon = 730
covariates = ["age", "record"]
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
name = "contract"
[allocation]
rule = "permuted-blocks"
sizes = [4, 6]
strata = ["suite"]
[allocation.levels]
suite = ["Durham", "Darlington"]
[[outcomes]]
name = "reoffence"
primary = true
variable = "first offence after randomisation"
metric = "time from randomisation"
aggregation = "share by 24 months; hazard ratio"
time = "days"
event = "reoffended"
[[estimands]]
outcome = "reoffence"
measure = "risk difference"
confirmatory = true
[[estimands]]
outcome = "reoffence"
measure = "hazard ratio"
adjust = ["age", "record"]
[analysis]
alpha = 0.05
seed = 20160801
[planning]
people = 800
control_risk = 0.48
difference = -0.103
overrides = 0.05
navigators = 8
icc = 0.02
"""
Path("protocol.toml").write_text(PROTOCOL, encoding="utf-8")
protocol = read_protocol("protocol.toml")
print(protocol)
plan = protocol.planning
if plan is None:
    raise SystemExit("The protocol has a [planning].")
paper = Proportions(control=plan.control_risk, treatment=plan.treatment_risk)
print(f"On paper: power {power_of(paper, n=plan.people).power:.3f} with {plan.people} people.")
print("All that takes away: checkpoint-eval power protocol.toml")
print(f"digest of the promise: {protocol.digest}")
