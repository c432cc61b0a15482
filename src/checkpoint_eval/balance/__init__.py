"""CHECK: was the trial fair and intact? Asked before any outcome is opened."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
