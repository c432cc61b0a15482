"""REPORT: all that the protocol promised, as tables, figures and one page.

`evaluate` computes; tables and figures only format what it found. matplotlib and seaborn are
imported by `figures` alone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
