from .assignment import Assignment
from .redrawing import redraw

__all__ = ["Assignment", "redraw"]
