"""FOLLOW UP: what happened to each person, joined to the assignment once and checked once."""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
