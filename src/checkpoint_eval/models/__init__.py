"""ANALYSE: one outcome compared between arms.

Two kernels carry the room: `EventTable` (counts on a grid of times, batched) and `RiskSets`
(people and the partial likelihood). Everything else reads one of them.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
