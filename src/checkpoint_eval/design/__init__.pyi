from .allocation import Allocation, Complete, Support
from .blocks import PermutedBlocks
from .protocol import (
    AllocationPlan,
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
from .sequential import BiasedCoin, BigStick, Chen, MaximalProcedure, Sequential, Simple, Urn

__all__ = [
    "Allocation",
    "AllocationPlan",
    "AnalysisPlan",
    "AnalysisSet",
    "Arm",
    "BiasedCoin",
    "BigStick",
    "Chen",
    "Columns",
    "Complete",
    "Estimand",
    "MaximalProcedure",
    "Outcome",
    "PermutedBlocks",
    "Protocol",
    "Screening",
    "Sequential",
    "Simple",
    "Support",
    "Urn",
    "parse_protocol",
    "read_protocol",
]
