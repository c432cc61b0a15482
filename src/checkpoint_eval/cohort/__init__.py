"""PRACTISE: invented trials whose truth is known, and published trials as data.

`generate` makes the `Cohort` of a `Scenario`, such as `checkpoint_scenario`: its extract, its
`practice_trial` and its `true_values`. `certify` measures estimators by them. `load_rossi` and the
other loaders return published trials.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
