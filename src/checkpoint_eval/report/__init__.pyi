from .certified import certificate_page, write_certificate
from .cohort_figures import plot_fidelity
from .cross_checking import CrossCheck, Recomputed, cross_check
from .deciding import decision_table
from .design_figures import plot_drift, plot_integrity, plot_rules
from .disclosure import Disclosure
from .disclosure_differences import Differenced, differencing
from .disclosure_protecting import protect
from .evaluating import evaluate
from .evaluation import Deviation, Evaluation, Result
from .event_figures import plot_fit, plot_incidence, plot_mean_events
from .exporting import ESTIMATES_SCHEMA, read_estimates, write_estimates, write_workbook
from .figures import plot_balance, plot_survival
from .flow_figures import flow_diagram
from .folder import write_folder
from .forest_figures import plot_forest
from .harm_figures import plot_lorenz
from .monitor_figures import plot_monitoring
from .navigator_figures import plot_navigators
from .page import write_report
from .pathway_figures import plot_needs_together, plot_pathways, plot_phi
from .subgroup_figures import plot_subgroups
from .survival_figures import plot_contrast, plot_log_log, plot_schoenfeld
from .tables import estimates_table
from .withheld import Withheld
from .word import write_word

__all__ = [
    "ESTIMATES_SCHEMA",
    "CrossCheck",
    "Deviation",
    "Differenced",
    "Disclosure",
    "Evaluation",
    "Recomputed",
    "Result",
    "Withheld",
    "certificate_page",
    "cross_check",
    "decision_table",
    "differencing",
    "estimates_table",
    "evaluate",
    "flow_diagram",
    "plot_balance",
    "plot_contrast",
    "plot_drift",
    "plot_fidelity",
    "plot_fit",
    "plot_forest",
    "plot_incidence",
    "plot_integrity",
    "plot_log_log",
    "plot_lorenz",
    "plot_mean_events",
    "plot_monitoring",
    "plot_navigators",
    "plot_needs_together",
    "plot_pathways",
    "plot_phi",
    "plot_rules",
    "plot_schoenfeld",
    "plot_subgroups",
    "plot_survival",
    "protect",
    "read_estimates",
    "write_certificate",
    "write_estimates",
    "write_folder",
    "write_report",
    "write_word",
    "write_workbook",
]
