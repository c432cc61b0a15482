"""DESIGN: what was promised before anyone was recruited.

`Protocol` is the promise, read from TOML; `Allocation` is the interface every rule answers, and
`Complete` the rule that gives each arm an exact number of people.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
