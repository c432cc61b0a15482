"""FOLLOW UP: what happened to each person, joined to the assignment once and checked once.

`Trial.from_frame` reads a trial from one flat table. From an extract of police records, `Records`:
`audit` it, then derive outcomes, such as `proven_reoffending`, `time_to_reoffence`,
`reoffence_counts`, `reoffence_episodes`, `harm_days` and `pathway_scores`, for a `Trial`.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
