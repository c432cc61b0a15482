"""PLAN: how many people a trial needs, when to look, and what simulation says of both."""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
