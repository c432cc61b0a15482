from .baseline import Covariate
from .files import read_people
from .observed import BinaryOutcome, NumericOutcome, TimeToEvent
from .trial import Trial

__all__ = [
    "BinaryOutcome",
    "Covariate",
    "NumericOutcome",
    "TimeToEvent",
    "Trial",
    "read_people",
]
