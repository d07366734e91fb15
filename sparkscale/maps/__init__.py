"""Maps: what happens to a batch of numbers. The reference that every engine is compared with. Imports NumPy only.

A *column map* (:class:`Affine`, :class:`Undefined`) maps a 1-D float64 array. Nulls are left to the
engine, which passes values in and puts the nulls back.

A *row map* (:class:`SoftmaxMap`, :class:`UnitNormMap`) maps ``(rows, k)`` float64 values with a boolean
array of the same shape that is true where a score is null, and returns both.

Each map states in :attr:`ulps` how far apart two correct implementations may be (another ``exp``,
another order of a sum), in units in the last place of the largest number that is added up.
"""

from sparkscale.maps.affine import FINE, HUGE, Affine, Undefined, nonzero, unit_of
from sparkscale.maps.base import Bools, ColumnMap, Floats, Map, RowMap, from_dict
from sparkscale.maps.softmax import SoftmaxMap
from sparkscale.maps.unit_norm import UnitNormMap

__all__ = [
    "FINE",
    "HUGE",
    "Affine",
    "Bools",
    "ColumnMap",
    "Floats",
    "Map",
    "RowMap",
    "SoftmaxMap",
    "Undefined",
    "UnitNormMap",
    "from_dict",
    "nonzero",
    "unit_of",
]
