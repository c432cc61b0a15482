"""The trial of the tutorials, as the page "Follow up" makes it."""

from dataclasses import replace

import numpy as np

import checkpoint_eval as ce
from checkpoint_eval import cohort, outcomes


def invented() -> cohort.Cohort:
    """Return the invented people: the same in every tutorial."""
    return ce.generate(ce.checkpoint_scenario(), np.random.default_rng(2016))


def followed_up() -> ce.Trial:
    """Return their trial, with outcomes by the police extract."""
    made = invented()
    extract = {"records": made.records(), "assignment": made.assignment, "months": 24}
    people = ce.Trial.from_frame(
        made.people,
        arm="arm",
        control="prosecution",
        id="id",
        strata=["suite"],
        covariates=["age", "record", "sex"],
        factors=["officer", "era"],
        received="received",
    )
    return replace(
        people,
        assignment=made.assignment,
        outcomes={
            "reoffence": outcomes.time_to_reoffence(**extract),
            "at liberty": outcomes.time_to_reoffence(**extract, clock="street"),
            "reoffences": outcomes.reoffence_counts(**extract),
            "episodes": outcomes.reoffence_episodes(**extract),
            "harm": outcomes.harm_days(**extract, weights=outcomes.CAMBRIDGE_MEDIANS),
        },
    )
