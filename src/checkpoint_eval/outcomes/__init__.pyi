from .baseline import Covariate
from .observed import BinaryOutcome, TimeToEvent
from .trial import Trial

__all__ = ["BinaryOutcome", "Covariate", "TimeToEvent", "Trial"]
