"""checkpoint_eval: a deferred-prosecution trial from design to published page.

The walk of the data: **design → randomise → follow up → check → analyse → report**.

- Read a trial: `Trial.from_frame`, `Trial.from_protocol`, `read_people`,
  `read_protocol`, `load_rossi`.
- Was it kept? `standardised_differences`, `omnibus_balance`, `sample_ratio_test`, `flow`.
- Time to event: `survival_curve`, `logrank_test`, `hazard_ratio`, `restricted_mean`,
  `survival_difference`.
- Risks: `risk_difference`, `risk_ratio`, `odds_ratio`.
- By the rule itself: `randomisation_test`.
- All that the protocol promised: `evaluate`, then `write_report`.

Each step is a room with more in it: `design`, `randomise`, `outcomes`, `balance`, `models`,
`cohort`, `power`, `report`. Differences are treatment − control, ratios treatment ÷ control.
"""

from checkpoint_eval import _names

# Names load when first used, so that importing the library costs little more than numpy.
__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
