"""PLAN: how many people a trial needs, when to look, and what simulation says of both.

What is compared is a noun: `Proportions`, `Hazards`, `RestrictedMeans`, `Means` or `Counts`, alone
or within `InClusters`, `PartiallyNested`, `InStrata` or `Diluted`. `people_needed`,
`events_needed`, `power_of` and `detectable_effect` take it. `stopping_bounds` of a
`GroupSequential` plans looks and `monitor` takes them; `simulate_power` needs no formula, and
`study_of` reads the plan off a protocol.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
