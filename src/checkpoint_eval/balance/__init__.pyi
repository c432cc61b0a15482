from .differences import BalanceTable, standardised_differences
from .omnibus import omnibus_balance
from .participant_flow import Flow, flow
from .ratio import sample_ratio_test

__all__ = [
    "BalanceTable",
    "Flow",
    "flow",
    "omnibus_balance",
    "sample_ratio_test",
    "standardised_differences",
]
