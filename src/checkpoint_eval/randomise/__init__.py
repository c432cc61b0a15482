"""RANDOMISE: who was allocated to what, and how likely that was."""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
