from .compared import Compared, compare
from .cox import CoxFit, fit_cox, hazard_ratio
from .event_tables import EventTable, event_table
from .inverted import randomisation_interval
from .multiplicity import adjust_p_values
from .partial_likelihood import CoxRegression, cox_regression
from .proportions import TwoProportions
from .rerandomise import randomisation_test
from .restricted_means import restricted_mean, restricted_mean_of
from .risk import odds_ratio, risk_difference, risk_ratio
from .risk_sets import RiskSets
from .survival import (
    KaplanMeier,
    kaplan_meier,
    survival_curve,
    survival_difference,
    survival_quantiles,
)
from .weighted_logrank import FlemingHarrington, LogRank, logrank, logrank_test, logrank_z

__all__ = [
    "Compared",
    "CoxFit",
    "CoxRegression",
    "EventTable",
    "FlemingHarrington",
    "KaplanMeier",
    "LogRank",
    "RiskSets",
    "TwoProportions",
    "adjust_p_values",
    "compare",
    "cox_regression",
    "event_table",
    "fit_cox",
    "hazard_ratio",
    "kaplan_meier",
    "logrank",
    "logrank_test",
    "logrank_z",
    "odds_ratio",
    "randomisation_interval",
    "randomisation_test",
    "restricted_mean",
    "restricted_mean_of",
    "risk_difference",
    "risk_ratio",
    "survival_curve",
    "survival_difference",
    "survival_quantiles",
]
