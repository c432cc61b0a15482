from .certifying import certify
from .characteristics import Certificate, Characteristic
from .cohorts import Cohort
from .delivery_parts import Delivery, Effect, Era, Recording
from .estimators import Estimator, settings
from .faithfulness import Fidelity, Margin, fidelity
from .generating import generate
from .histories import Histories
from .people_parts import Arrivals, Burst, Population, Reoffending
from .practice import practice_trial
from .published import (
    load_milwaukee,
    load_minneapolis,
    load_recid,
    load_rossi,
    published_figures,
)
from .published_scenarios import (
    checkpoint_scenario,
    gateway_scenario,
    turning_point_scenario,
)
from .resampling import TrialBatch, draw_trials
from .scenario import Scenario
from .scenario_toml import parse_scenario, read_scenario
from .truths import Truth, true_value, true_values, truth_frame

__all__ = [
    "Arrivals",
    "Burst",
    "Certificate",
    "Characteristic",
    "Cohort",
    "Delivery",
    "Effect",
    "Era",
    "Estimator",
    "Fidelity",
    "Histories",
    "Margin",
    "Population",
    "Recording",
    "Reoffending",
    "Scenario",
    "TrialBatch",
    "Truth",
    "certify",
    "checkpoint_scenario",
    "draw_trials",
    "fidelity",
    "gateway_scenario",
    "generate",
    "load_milwaukee",
    "load_minneapolis",
    "load_recid",
    "load_rossi",
    "parse_scenario",
    "practice_trial",
    "published_figures",
    "read_scenario",
    "settings",
    "true_value",
    "true_values",
    "truth_frame",
    "turning_point_scenario",
]
