from .baseline import Covariate
from .files import read_people
from .observed import BinaryOutcome, TimeToEvent
from .trial import Trial

__all__ = ["BinaryOutcome", "Covariate", "TimeToEvent", "Trial", "read_people"]
