"""REPORT: all that the protocol promised, as tables, figures and one page.

`evaluate` computes; tables and figures only format what it found. matplotlib and seaborn are
imported by `figures` alone.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
