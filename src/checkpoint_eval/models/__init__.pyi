from .absolute_and_relative import RiskEffects, risk_effects
from .adjusted_logrank import adjusted_logrank_test, marginal_hazard_ratio
from .bootstrapped import bootstrap_interval
from .bounding import attrition_bounds
from .bounds import Bounds
from .compared import Compared, compare
from .complier import complier_average_effect
from .cox import CoxFit, fit_cox, hazard_ratio
from .cox_curves import predicted_survival, standardised_survival, standardised_survival_difference
from .dilution import Dilution, DilutionRow, override_dilution
from .event_tables import EventTable, event_table
from .gray import gray_test
from .imputation import TippingPoint, multiple_imputation, tipping_point
from .incidence import Incidence, cumulative_incidence, incidence_difference
from .inequality import Inequality, harm_inequality
from .inverted import randomisation_interval
from .lifetime_comparison import compare_fits
from .lifetimes import ParametricFit, fit_cure, fit_parametric
from .logrank_weights import FlemingHarrington, Gehan, ModestlyWeighted, PetoPeto, TaroneWare
from .maxcombo import maxcombo_test
from .mean_events import (
    MeanCumulative,
    mean_cumulative_difference,
    mean_cumulative_function,
    mean_cumulative_test,
)
from .means import mean_difference
from .multiplicity import adjust_p_values
from .navigator_results import NavigatorEffects
from .navigator_tests import partially_nested_test
from .navigators import navigator_effects, partially_nested_difference
from .number_needed import NumberNeeded, number_needed_to_treat
from .ordinal import ordinal_odds_ratio, proportional_odds_test
from .partial_likelihood import CoxRegression, cox_regression
from .pathway_comparison import compare_pathways
from .pathway_moderation import PathwayInteractions, pathway_interactions
from .pathway_overlap import CoOccurrence, co_occurrence
from .pathway_parts import PathwayCounts
from .pathway_results import PathwayComparison, PathwayFamily
from .proportional import ProportionalHazardsTest, proportional_hazards_test
from .proportions import TwoProportions
from .pseudo_values import pseudo_observations
from .rates import rate_ratio
from .received import EffectsByAnalysis, effects_by_analysis
from .recurrent import recurrent_hazard_ratio
from .rerandomise import randomisation_test
from .residuals import cox_residuals
from .restricted_mean_curves import restricted_mean_curve
from .restricted_means import RestrictedMean, restricted_mean, restricted_mean_of
from .risk import odds_ratio, risk_difference, risk_ratio
from .risk_sets import RiskSets
from .shrinkage import Shrunken, shrunken_effects
from .side_by_side import events_side_by_side
from .skewed import superiority_probability, trimmed_mean_difference
from .step_down import westfall_young
from .subdistribution import SubdistributionFit, fine_gray, subdistribution_hazard_ratio
from .subgroup_results import Subgroup, SubgroupEffects
from .subgroups import subgroup_effects
from .survival import KaplanMeier, kaplan_meier, survival_curve, survival_quantiles
from .survival_differences import survival_difference
from .terminal import terminal_mean, terminal_mean_difference, terminal_mean_test, while_alive_rate
from .two_part import two_part_effects
from .weighted_logrank import LogRank, logrank, logrank_test, logrank_z
from .wins import win_ratio
from .zero_inflated import RateSensitivity, rate_sensitivity

__all__ = [
    "Bounds",
    "CoOccurrence",
    "Compared",
    "CoxFit",
    "CoxRegression",
    "Dilution",
    "DilutionRow",
    "EffectsByAnalysis",
    "EventTable",
    "FlemingHarrington",
    "Gehan",
    "Incidence",
    "Inequality",
    "KaplanMeier",
    "LogRank",
    "MeanCumulative",
    "ModestlyWeighted",
    "NavigatorEffects",
    "NumberNeeded",
    "ParametricFit",
    "PathwayComparison",
    "PathwayCounts",
    "PathwayFamily",
    "PathwayInteractions",
    "PetoPeto",
    "ProportionalHazardsTest",
    "RateSensitivity",
    "RestrictedMean",
    "RiskEffects",
    "RiskSets",
    "Shrunken",
    "SubdistributionFit",
    "Subgroup",
    "SubgroupEffects",
    "TaroneWare",
    "TippingPoint",
    "TwoProportions",
    "adjust_p_values",
    "adjusted_logrank_test",
    "attrition_bounds",
    "bootstrap_interval",
    "co_occurrence",
    "compare",
    "compare_fits",
    "compare_pathways",
    "complier_average_effect",
    "cox_regression",
    "cox_residuals",
    "cumulative_incidence",
    "effects_by_analysis",
    "event_table",
    "events_side_by_side",
    "fine_gray",
    "fit_cox",
    "fit_cure",
    "fit_parametric",
    "gray_test",
    "harm_inequality",
    "hazard_ratio",
    "incidence_difference",
    "kaplan_meier",
    "logrank",
    "logrank_test",
    "logrank_z",
    "marginal_hazard_ratio",
    "maxcombo_test",
    "mean_cumulative_difference",
    "mean_cumulative_function",
    "mean_cumulative_test",
    "mean_difference",
    "multiple_imputation",
    "navigator_effects",
    "number_needed_to_treat",
    "odds_ratio",
    "ordinal_odds_ratio",
    "override_dilution",
    "partially_nested_difference",
    "partially_nested_test",
    "pathway_interactions",
    "predicted_survival",
    "proportional_hazards_test",
    "proportional_odds_test",
    "pseudo_observations",
    "randomisation_interval",
    "randomisation_test",
    "rate_ratio",
    "rate_sensitivity",
    "recurrent_hazard_ratio",
    "restricted_mean",
    "restricted_mean_curve",
    "restricted_mean_of",
    "risk_difference",
    "risk_effects",
    "risk_ratio",
    "shrunken_effects",
    "standardised_survival",
    "standardised_survival_difference",
    "subdistribution_hazard_ratio",
    "subgroup_effects",
    "superiority_probability",
    "survival_curve",
    "survival_difference",
    "survival_quantiles",
    "terminal_mean",
    "terminal_mean_difference",
    "terminal_mean_test",
    "tipping_point",
    "trimmed_mean_difference",
    "two_part_effects",
    "westfall_young",
    "while_alive_rate",
    "win_ratio",
]
