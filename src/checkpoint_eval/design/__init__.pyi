from .allocation import Allocation, Complete, OneAtATime, Rule, Support
from .allocation_plan import AllocationPlan
from .blocks import PermutedBlocks
from .clusters import Clustered
from .custom import Custom
from .declared import rule_from_dict, rule_to_dict
from .intercurrent import IntercurrentEvent
from .minimisation import Minimisation
from .people import Factor, People
from .planning import Planning
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
from .protocol_measures import MEASURES, Measure
from .protocol_parts import EraPlan, NavigatorPlan, PathwayNeed, PathwayPlan, SubgroupPlan
from .protocol_toml import parse_protocol, read_protocol
from .rerandomised import Mahalanobis, Rerandomised
from .sequential import BiasedCoin, BigStick, Chen, MaximalProcedure, Sequential, Urn
from .simple import Simple
from .within import Stratified

__all__ = [
    "MEASURES",
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
    "EraPlan",
    "Estimand",
    "Factor",
    "IntercurrentEvent",
    "Mahalanobis",
    "MaximalProcedure",
    "Measure",
    "Minimisation",
    "NavigatorPlan",
    "OneAtATime",
    "Outcome",
    "PathwayNeed",
    "PathwayPlan",
    "People",
    "PermutedBlocks",
    "Planning",
    "Protocol",
    "Rerandomised",
    "Rule",
    "Screening",
    "Sequential",
    "Simple",
    "Stratified",
    "SubgroupPlan",
    "Support",
    "Urn",
    "parse_protocol",
    "read_protocol",
    "rule_from_dict",
    "rule_to_dict",
]
