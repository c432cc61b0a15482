"""ANALYSE: one outcome compared between arms.

Two kernels carry the room: `EventTable` (counts on a grid of times, batched) and `RiskSets`
(people and the partial likelihood). Everything else reads one of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
