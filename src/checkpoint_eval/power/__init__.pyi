from .averages import Counts, Means
from .batched_analyses import Analysis
from .bounds_table import StoppingBounds, at_information, operating_characteristics, stopping_bounds
from .comparing import Comparison
from .conditional import assurance, conditional_power, predictive_power
from .curves import integrity_surface, power_curve
from .forecasting import EventsForecast, forecast_events
from .group_sequential import GroupSequential
from .implied_study import Study, StudyStep, study_of
from .lifetimes_planned import Hazards, RestrictedMeans
from .looks_taken import Look
from .monitoring import monitor
from .planned import PowerResult
from .promising import Extension, PromisingZone, extend_information, extension_power
from .reestimating import Reestimate, reestimate_people
from .risks import Proportions
from .simulated import PowerRow, SimulatedPower
from .simulated_study import simulate_study
from .simulating import simulate_power
from .sizing import detectable_effect, events_needed, people_needed, power_of
from .spending import (
    Boundary,
    HaybittlePeto,
    HwangShihDeCani,
    KimDeMets,
    OBrienFleming,
    OBrienFlemingSpending,
    Pocock,
    PocockSpending,
    Spending,
    UserSpending,
    WangTiatis,
)
from .stopped import StoppedEstimate, estimate_at_stopping
from .strata_planned import InStrata
from .trial_sources import ExponentialTrial, PooledTrials, TrialSource
from .wrapped import Diluted, InClusters, PartiallyNested

__all__ = [
    "Analysis",
    "Boundary",
    "Comparison",
    "Counts",
    "Diluted",
    "EventsForecast",
    "ExponentialTrial",
    "Extension",
    "GroupSequential",
    "HaybittlePeto",
    "Hazards",
    "HwangShihDeCani",
    "InClusters",
    "InStrata",
    "KimDeMets",
    "Look",
    "Means",
    "OBrienFleming",
    "OBrienFlemingSpending",
    "PartiallyNested",
    "Pocock",
    "PocockSpending",
    "PooledTrials",
    "PowerResult",
    "PowerRow",
    "PromisingZone",
    "Proportions",
    "Reestimate",
    "RestrictedMeans",
    "SimulatedPower",
    "Spending",
    "StoppedEstimate",
    "StoppingBounds",
    "Study",
    "StudyStep",
    "TrialSource",
    "UserSpending",
    "WangTiatis",
    "assurance",
    "at_information",
    "conditional_power",
    "detectable_effect",
    "estimate_at_stopping",
    "events_needed",
    "extend_information",
    "extension_power",
    "forecast_events",
    "integrity_surface",
    "monitor",
    "operating_characteristics",
    "people_needed",
    "power_curve",
    "power_of",
    "predictive_power",
    "reestimate_people",
    "simulate_power",
    "simulate_study",
    "stopping_bounds",
    "study_of",
]
