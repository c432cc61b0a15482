from .auditing import Audit, Finding, audit, linkage
from .baseline import Covariate
from .change import (
    ChangeInOffending,
    change_in_offending,
    first_time_entrants,
    on_contract_reoffending,
)
from .counting import PROVEN, RECORDED, Counting
from .episodes import Episodes
from .extract_tables import Assessments, Custody, Departures, Disposals, Offences
from .files import read_people
from .follow_up import FollowUp, follow
from .harm import CAMBRIDGE_MEDIANS, HarmWeights, harm_days, severity
from .landmarks import landmark
from .needs import PathwayScores, pathway_scores
from .observed import BinaryOutcome, CountOutcome, NumericOutcome, Provenance, TimeToEvent
from .records import Records, Repair
from .reoffending import (
    Reoffending,
    measured_by_age,
    proven_reoffending,
    reoffence_counts,
    time_at_risk,
)
from .reoffending_risk import ogrs3
from .repairing import close_custody, collapse_episodes, merge_custody, without_rows
from .time_varying import TimeVarying
from .timing import reoffence_episodes, time_to_reoffence
from .trial import Trial
from .vocabularies import COUNTY_DURHAM, CRIME_PANEL, NATIONAL, REGISTER, Pathways

__all__ = [
    "CAMBRIDGE_MEDIANS",
    "COUNTY_DURHAM",
    "CRIME_PANEL",
    "NATIONAL",
    "PROVEN",
    "RECORDED",
    "REGISTER",
    "Assessments",
    "Audit",
    "BinaryOutcome",
    "ChangeInOffending",
    "CountOutcome",
    "Counting",
    "Covariate",
    "Custody",
    "Departures",
    "Disposals",
    "Episodes",
    "Finding",
    "FollowUp",
    "HarmWeights",
    "NumericOutcome",
    "Offences",
    "PathwayScores",
    "Pathways",
    "Provenance",
    "Records",
    "Reoffending",
    "Repair",
    "TimeToEvent",
    "TimeVarying",
    "Trial",
    "audit",
    "change_in_offending",
    "close_custody",
    "collapse_episodes",
    "first_time_entrants",
    "follow",
    "harm_days",
    "landmark",
    "linkage",
    "measured_by_age",
    "merge_custody",
    "ogrs3",
    "on_contract_reoffending",
    "pathway_scores",
    "proven_reoffending",
    "read_people",
    "reoffence_counts",
    "reoffence_episodes",
    "severity",
    "time_at_risk",
    "time_to_reoffence",
    "without_rows",
]
