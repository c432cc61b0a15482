"""CHECK: was the trial fair and intact? Asked before any outcome is opened."""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
