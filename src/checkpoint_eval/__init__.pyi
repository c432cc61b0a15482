from . import balance, cohort, design, models, outcomes, power, randomise, report
from ._version import __version__
from .balance.differences import BalanceTable, standardised_differences
from .balance.omnibus import omnibus_balance
from .balance.participant_flow import Flow, flow
from .balance.ratio import sample_ratio_test
from .cohort.generating import generate
from .cohort.published import load_milwaukee, load_minneapolis, load_recid, load_rossi
from .cohort.published_scenarios import checkpoint_scenario
from .cohort.scenario import Scenario
from .design.allocation import Complete
from .design.blocks import PermutedBlocks
from .design.clusters import Clustered
from .design.minimisation import Minimisation
from .design.protocol import Protocol
from .design.protocol_toml import read_protocol
from .design.within import Stratified
from .errors import (
    ImpossibleDesign,
    InvalidData,
    InvalidProtocol,
    OutputRefused,
    TrialError,
    UnknownColumn,
)
from .models.cox import CoxFit, fit_cox, hazard_ratio
from .models.event_tables import EventTable
from .models.inverted import randomisation_interval
from .models.logrank_weights import FlemingHarrington
from .models.rerandomise import randomisation_test
from .models.restricted_means import restricted_mean
from .models.risk import odds_ratio, risk_difference, risk_ratio
from .models.survival import survival_curve
from .models.survival_differences import survival_difference
from .models.weighted_logrank import logrank_test
from .outcomes.files import read_people
from .outcomes.observed import BinaryOutcome, NumericOutcome, TimeToEvent
from .outcomes.trial import Trial
from .randomise.assignment import Assignment
from .report.cross_checking import cross_check
from .report.evaluating import evaluate
from .report.evaluation import Evaluation
from .report.page import write_report
from .results import ContrastCurve, Curve, Estimate, Quantiles, SignificanceTest

__all__ = [
    "Assignment",
    "BalanceTable",
    "BinaryOutcome",
    "Clustered",
    "Complete",
    "ContrastCurve",
    "CoxFit",
    "Curve",
    "Estimate",
    "Evaluation",
    "EventTable",
    "FlemingHarrington",
    "Flow",
    "ImpossibleDesign",
    "InvalidData",
    "InvalidProtocol",
    "Minimisation",
    "NumericOutcome",
    "OutputRefused",
    "PermutedBlocks",
    "Protocol",
    "Quantiles",
    "Scenario",
    "SignificanceTest",
    "Stratified",
    "TimeToEvent",
    "Trial",
    "TrialError",
    "UnknownColumn",
    "__version__",
    "balance",
    "checkpoint_scenario",
    "cohort",
    "cross_check",
    "design",
    "evaluate",
    "fit_cox",
    "flow",
    "generate",
    "hazard_ratio",
    "load_milwaukee",
    "load_minneapolis",
    "load_recid",
    "load_rossi",
    "logrank_test",
    "models",
    "odds_ratio",
    "omnibus_balance",
    "outcomes",
    "power",
    "randomisation_interval",
    "randomisation_test",
    "randomise",
    "read_people",
    "read_protocol",
    "report",
    "restricted_mean",
    "risk_difference",
    "risk_ratio",
    "sample_ratio_test",
    "standardised_differences",
    "survival_curve",
    "survival_difference",
    "write_report",
]
