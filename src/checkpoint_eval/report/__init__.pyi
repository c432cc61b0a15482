from .design_figures import plot_drift, plot_integrity, plot_rules
from .evaluating import evaluate
from .evaluation import Evaluation, Result
from .figures import flow_diagram, plot_balance, plot_forest, plot_survival
from .folder import write_folder
from .page import write_report
from .tables import estimates_table

__all__ = [
    "Evaluation",
    "Result",
    "estimates_table",
    "evaluate",
    "flow_diagram",
    "plot_balance",
    "plot_drift",
    "plot_forest",
    "plot_integrity",
    "plot_rules",
    "plot_survival",
    "write_folder",
    "write_report",
]
