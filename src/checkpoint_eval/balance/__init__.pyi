from .baseline import BaselineTable, baseline_table
from .conducting import Conduct, conduct
from .differences import BalanceTable, standardised_differences
from .drifting import Drift, drift
from .integrity import Integrity, treatment_integrity
from .losses import Attrition, attrition
from .omnibus import omnibus_balance
from .participant_flow import Flow, flow
from .predictability import Guessability, guessability
from .ratio import RatioTable, sample_ratio_by, sample_ratio_test
from .replays import Replay, guess_test, replay
from .rule_table import RuleProperties, RuleTable, compare_rules

__all__ = [
    "Attrition",
    "BalanceTable",
    "BaselineTable",
    "Conduct",
    "Drift",
    "Flow",
    "Guessability",
    "Integrity",
    "RatioTable",
    "Replay",
    "RuleProperties",
    "RuleTable",
    "attrition",
    "baseline_table",
    "compare_rules",
    "conduct",
    "drift",
    "flow",
    "guess_test",
    "guessability",
    "omnibus_balance",
    "replay",
    "sample_ratio_by",
    "sample_ratio_test",
    "standardised_differences",
    "treatment_integrity",
]
