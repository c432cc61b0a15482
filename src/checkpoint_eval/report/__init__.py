"""REPORT: all that the protocol promised, as tables, figures, a page, a document and a workbook.

`evaluate` computes; `estimates_table`, the `plot_` verbs and the `write_` verbs only format what it
found, and `protect` withholds small counts. matplotlib and seaborn are imported when something is
drawn.
"""

from checkpoint_eval import _names

__getattr__, __dir__, __all__ = _names.attach(__name__, __file__)
