from .allocation import Allocation, Complete, Support
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

__all__ = [
    "Allocation",
    "AllocationPlan",
    "AnalysisPlan",
    "AnalysisSet",
    "Arm",
    "Columns",
    "Complete",
    "Estimand",
    "Outcome",
    "Protocol",
    "Screening",
    "Support",
    "parse_protocol",
    "read_protocol",
]
