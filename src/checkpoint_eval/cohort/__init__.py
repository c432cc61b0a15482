"""PRACTISE: invented trials whose truth is known, and published trials as data."""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
