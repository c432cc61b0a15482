"""DESIGN: what was promised before anyone was recruited.

`Protocol` is the promise, read from TOML; `Allocation` is the interface every rule answers.
`Complete` gives each arm an exact number of people, `PermutedBlocks` in every block; `Simple`,
`BiasedCoin`, `Urn`, `BigStick`, `Chen` and `MaximalProcedure` allocate one person at a time, and
`Minimisation` by what is known of them. `Stratified`, `Clustered` and `Rerandomised` wrap a rule;
`Custom` is a list of allocations.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
