from .allocation import Allocation, Complete, OneAtATime, Rule, Support
from .allocation_plan import AllocationPlan
from .blocks import PermutedBlocks
from .clusters import Clustered
from .custom import Custom
from .declared import rule_from_dict, rule_to_dict
from .intercurrent import IntercurrentEvent
from .minimisation import Minimisation
from .people import Factor, People
from .protocol import (
    AnalysisPlan,
    AnalysisSet,
    Arm,
    Columns,
    Estimand,
    Outcome,
    Protocol,
    Screening,
)
from .protocol_toml import parse_protocol, read_protocol
from .rerandomised import Mahalanobis, Rerandomised
from .sequential import BiasedCoin, BigStick, Chen, MaximalProcedure, Sequential, Urn
from .simple import Simple
from .within import Stratified

__all__ = [
    "Allocation",
    "AllocationPlan",
    "AnalysisPlan",
    "AnalysisSet",
    "Arm",
    "BiasedCoin",
    "BigStick",
    "Chen",
    "Clustered",
    "Columns",
    "Complete",
    "Custom",
    "Estimand",
    "Factor",
    "IntercurrentEvent",
    "Mahalanobis",
    "MaximalProcedure",
    "Minimisation",
    "OneAtATime",
    "Outcome",
    "People",
    "PermutedBlocks",
    "Protocol",
    "Rerandomised",
    "Rule",
    "Screening",
    "Sequential",
    "Simple",
    "Stratified",
    "Support",
    "Urn",
    "parse_protocol",
    "read_protocol",
    "rule_from_dict",
    "rule_to_dict",
]
