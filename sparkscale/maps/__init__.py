"""Maps: what happens to a batch of numbers, the reference for every engine. Imports NumPy and `stats`.

A *column map* (:class:`Affine`, :class:`Undefined`) maps a 1-D float64 array. A null stays null.

A *row map* (:class:`SoftmaxMap`, :class:`UnitNormMap`) maps ``(rows, k)`` float64 values with a boolean
array of the same shape that is true where a score is null, and returns both.

A map states how far apart two correct implementations may be (another ``exp``, another order of a sum), in units in the
last place of the largest number that is added up.

To add a map, define it in a file of this folder: ``class Sign(ColumnMap, kind="sign")``. Artifacts, the NumPy engine
and the UDF engines then know it. Its native form, if it has one, is a file of ``sparkscale/spark/transform/native/``.
"""

import importlib
import pkgutil

from sparkscale.maps.affine import FINE, HUGE, Affine, nonzero, unit_of
from sparkscale.maps.base import Bools, ColumnMap, Floats, Inverse, Map, RowMap, from_dict
from sparkscale.maps.chained import Chained
from sparkscale.maps.elements import Elements
from sparkscale.maps.fill import Fill, IsMissing
from sparkscale.maps.limit import Limit
from sparkscale.maps.logs import AsinhMap, Log1pMap, SignedLogMap
from sparkscale.maps.piecewise import Piecewise
from sparkscale.maps.power import BoxCoxMap, YeoJohnsonMap
from sparkscale.maps.softmax import SoftmaxMap
from sparkscale.maps.undefined import Undefined
from sparkscale.maps.unit_norm import UnitNormMap

__all__ = [
    "FINE",
    "HUGE",
    "Affine",
    "AsinhMap",
    "Bools",
    "BoxCoxMap",
    "Chained",
    "ColumnMap",
    "Elements",
    "Fill",
    "Floats",
    "Inverse",
    "IsMissing",
    "Limit",
    "Log1pMap",
    "Map",
    "Piecewise",
    "RowMap",
    "SignedLogMap",
    "SoftmaxMap",
    "Undefined",
    "UnitNormMap",
    "YeoJohnsonMap",
    "from_dict",
    "nonzero",
    "unit_of",
]

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
