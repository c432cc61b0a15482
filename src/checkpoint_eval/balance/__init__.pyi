from .baseline import BaselineTable, baseline_table
from .differences import BalanceTable, standardised_differences
from .omnibus import omnibus_balance
from .participant_flow import Flow, flow
from .predictability import Guessability, guessability
from .ratio import sample_ratio_test

__all__ = [
    "BalanceTable",
    "BaselineTable",
    "Flow",
    "Guessability",
    "baseline_table",
    "flow",
    "guessability",
    "omnibus_balance",
    "sample_ratio_test",
    "standardised_differences",
]
