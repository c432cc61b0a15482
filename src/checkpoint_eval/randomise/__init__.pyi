from .assignment import Assignment
from .at_once import allocate
from .chain import Entry, Head
from .events import Breached, Closed, Override, Received, Screened, Withdrawn
from .keys import commit_seed, verify_commitment
from .ledger import Ledger
from .recording import Allocated
from .redrawing import redraw
from .verifying import Problem, Verification

__all__ = [
    "Allocated",
    "Assignment",
    "Breached",
    "Closed",
    "Entry",
    "Head",
    "Ledger",
    "Override",
    "Problem",
    "Received",
    "Screened",
    "Verification",
    "Withdrawn",
    "allocate",
    "commit_seed",
    "redraw",
    "verify_commitment",
]
