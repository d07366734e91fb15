"""Maps over Arrow arrays: what Spark's Python workers run for ``engine: arrow``. Without nulls no buffer is copied.

Workers import this module, ``maps`` and ``stats``, and nothing else of ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkscale.maps.base import Bools, Floats
from sparkscale.maps.batches import Cells, Lists


def map_cells(kernel: Cells, packed: pa.ListArray) -> pa.ListArray:
    """Map ``array<double>`` with ``width`` elements a row, none of them null itself, to the same of results."""
    x, null = _split(packed.flatten())
    shape = (len(packed), kernel.width)
    y, absent = kernel.apply(x.reshape(shape), null.reshape(shape))
    return _join(np.full(len(packed), kernel.outputs), y.ravel(), absent.ravel())


def map_lists(kernel: Lists, column: pa.ListArray) -> pa.ListArray:
    """Map ``array<double>``; a row that is null stays null."""
    lengths = _numpy(column.value_lengths().fill_null(0)).astype(np.int64)
    results = kernel.apply(*_split(column.flatten()), lengths)
    return _join(kernel.widths(lengths), *results, _numpy(column.is_null()))


def _split(flat: pa.Array) -> tuple[Floats, Bools]:
    """Return values, NaN where they are null, and where they are null."""
    if not flat.null_count:
        return flat.to_numpy(), np.zeros(len(flat), dtype=bool)
    return flat.to_numpy(zero_copy_only=False), _numpy(flat.is_null())


def _join(lengths: NDArray[Any], y: Floats, absent: Bools, missing: Bools | None = None) -> pa.ListArray:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = pa.array(y, mask=absent if absent.any() else None)
    lists = missing is not None and missing.any()
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(missing) if lists else None)


def _numpy(array: pa.Array) -> NDArray[Any]:
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values
