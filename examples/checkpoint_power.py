"""How large Checkpoint had to be: run with `python examples/checkpoint_power.py`.

From first principles to simulation. Public of the trial: 521 people randomised of 800 planned, and
reoffending 10.3 percentage points lower at 24 months (Weir et al. 2021, The Police Journal, doi
10.1177/0032258X211018774; College of Policing, Research Map, project 406). 48 % in control is that
of 356 people in the force's award application. Overrides, navigators and how much navigators differ
are not public: what stands here of them is assumed. Differences are treatment - control, so fewer
reoffences are negative.
"""

from dataclasses import replace

import numpy as np
from scipy.special import stdtr

from checkpoint_eval.cohort import checkpoint_scenario, generate, true_value, true_values
from checkpoint_eval.design import Complete
from checkpoint_eval.models.proportions import wilson_limits
from checkpoint_eval.power import (
    Diluted,
    ExponentialTrial,
    PartiallyNested,
    PooledTrials,
    Proportions,
    detectable_effect,
    integrity_surface,
    people_needed,
    power_of,
    simulate_power,
)

PEOPLE, CONTROL, DIFFERENCE = 521, 0.48, -0.103
OVERRIDES, NAVIGATORS, ICC = 0.10, 8, 0.02  # assumed
TRIALS = 4_000
rng = np.random.default_rng(2016)


def beside(name: str, closed: float, low: float, power: float, high: float) -> None:
    """Print a formula's power beside the simulated one; stop where they part."""
    print(f"{name:<58} formula {closed:.3f}, simulated {power:.3f} ({low:.3f} to {high:.3f})")
    # The formula is of a normal statistic; of whole people it may be off by a point or so.
    if not low - 0.015 <= closed <= high + 0.015:
        raise SystemExit("The formula and the simulation part.")


# On paper: two shares, everybody treated as assigned, nobody lost.
paper = Proportions(control=CONTROL, treatment=CONTROL + DIFFERENCE)
print(power_of(paper, n=PEOPLE), "\n")
print(f"With the 800 planned: power {power_of(paper, n=800).power:.3f}.")
print(f"For a power of 80 %: {people_needed(paper).people:,.0f} people.")
least = detectable_effect(paper, n=PEOPLE).effect - CONTROL
print(f"The least difference that 521 find with 80 %: {100 * least:.1f} points.\n")

# In the custody suite: an officer overrides the assignment of one contract in ten.
diluted = Diluted(design=paper, overrides=OVERRIDES)
print(f"Overridden {100 * OVERRIDES:g} %: {100 * diluted.kept:g} % of the effect is kept, so")
print(
    f"power {power_of(diluted, n=PEOPLE).power:.3f}, {people_needed(diluted).people:,.0f} needed."
)

# Under contract: people share navigators, who differ. Their number bounds what people can add.
nested = PartiallyNested(design=paper, navigators=NAVIGATORS, icc=ICC)
both = Diluted(design=nested, overrides=OVERRIDES)
print(f"{NAVIGATORS} navigators, ICC {ICC:g}: power {power_of(nested, n=PEOPLE).power:.3f},")
print(f"{people_needed(nested).people:,.0f} needed; with overrides as well, power")
print(f"{power_of(both, n=PEOPLE).power:.3f} and {people_needed(both).people:,.0f} needed.\n")

surface = integrity_surface(both, overrides=(0, 0.05, 0.1, 0.2), icc=(0, 0.01, 0.02), n=PEOPLE)
print(surface.pivot(index="overrides", columns="icc", values="power").round(3), "\n")

# The same by simulation. First the world of the formulas: hazards that stay as they are.
hazard = -np.log1p(-CONTROL) / 730
for name, design in (("on paper", paper), ("one in ten overridden", diluted.received)):
    world = ExponentialTrial(
        people=PEOPLE,
        control_hazard=hazard,
        hazard_ratio=np.log1p(-design.treatment) / np.log1p(-CONTROL),
    )
    row = simulate_power(world, ["risk difference"], trials=TRIALS, rng=rng, progress=False).rows[0]
    beside(name, power_of(design, n=PEOPLE).power, row.low, row.power, row.high)

# Navigators: each has a risk of their own, beta with variance p(1 - p) ICC, and the means of the
# navigators are compared with the people in control, by t with Satterthwaite's degrees of freedom.
caseload = (PEOPLE - 261) // NAVIGATORS
p, spread = paper.treatment, 1 / ICC - 1
own = rng.beta(p * spread, (1 - p) * spread, (TRIALS, NAVIGATORS))
means = rng.binomial(caseload, own) / caseload
control = rng.binomial(261, CONTROL, TRIALS) / 261
parts = np.array([control * (1 - control) / 260, means.var(axis=1, ddof=1) / NAVIGATORS])
free = parts.sum(axis=0) ** 2 / (parts**2 / np.array([[260], [NAVIGATORS - 1]])).sum(axis=0)
t = (means.mean(axis=1) - control) / np.sqrt(parts.sum(axis=0))
found = int((stdtr(free, t) < 0.025).sum())
low, high = wilson_limits(found, TRIALS, level=0.95)
exact = power_of(nested, n=(261, NAVIGATORS * caseload)).power
beside(f"{NAVIGATORS} navigators", exact, float(low), found / TRIALS, float(high))

# And a trial like Checkpoint's, calibrated to what is public: hazards that change when the contract
# ends, people who would never reoffend, others who do so again and again, officers who override.
scenario = checkpoint_scenario()
pool = PooledTrials(scenario=scenario, people=PEOPLE, rule=Complete(counts=(260, 261)))
truths = true_values(generate(replace(scenario, people=pool.pool), np.random.default_rng(1)))
difference = true_value(truths, "risk difference", months=24).in_cohort
ratio = true_value(truths, "risk ratio", months=24).in_cohort
risk = difference / (ratio - 1)
print(f"\nOf {pool.pool:,} like Checkpoint's, {100 * risk:.1f} % reoffend in control and")
print(f"{100 * (risk + difference):.1f} % when assigned a contract: {100 * difference:.1f} points.")
found = simulate_power(
    pool, ["risk difference", "log-rank"], trials=TRIALS, rng=rng, progress=False
)
like = power_of(Proportions(control=risk, treatment=risk + difference), n=(260, 261))
row = found.rows[0]
beside("a trial like Checkpoint's", like.power, row.low, row.power, row.high)
print(
    f"Its log-rank test has {found.rows[1].power:.3f}: the effect comes early, while contracts run."
)
print("\nFormula and simulation agree within Monte Carlo error.")
