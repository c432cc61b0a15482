"""DESIGN: what was promised before anyone was recruited.

`Protocol` is the promise, read from TOML; `Allocation` is the interface every rule answers.
`Complete` gives each arm an exact number of people, `PermutedBlocks` in every block; `Simple`,
`BiasedCoin`, `Urn`, `BigStick`, `Chen` and `MaximalProcedure` allocate one person at a time.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
