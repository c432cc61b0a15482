from .baseline import BaselineTable, baseline_table
from .differences import BalanceTable, standardised_differences
from .drifting import Drift, drift
from .omnibus import omnibus_balance
from .participant_flow import Flow, flow
from .predictability import Guessability, guessability
from .ratio import RatioTable, sample_ratio_by, sample_ratio_test
from .replays import Replay, guess_test, replay
from .rule_table import RuleProperties, RuleTable, compare_rules

__all__ = [
    "BalanceTable",
    "BaselineTable",
    "Drift",
    "Flow",
    "Guessability",
    "RatioTable",
    "Replay",
    "RuleProperties",
    "RuleTable",
    "baseline_table",
    "compare_rules",
    "drift",
    "flow",
    "guess_test",
    "guessability",
    "omnibus_balance",
    "replay",
    "sample_ratio_by",
    "sample_ratio_test",
    "standardised_differences",
]
