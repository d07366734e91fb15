"""Labelled rows out of Arrow batches, for the NumPy kernel of losses. Workers import this module and ``stats``."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkscale.stats.losses import UNKNOWN, UNLABELLED, Ragged, Scored

_Cells: TypeAlias = tuple[NDArray[np.float64], NDArray[np.bool_]]


def rows_of(batch: pa.RecordBatch, *, over_array: bool, partial_rows: bool) -> Scored | Ragged:
    """Return the rows of a batch: scores in columns or in one list column, then the label's place, then the weight."""
    *scores, labels, weights = batch.columns
    label, weight = _places(labels), weights.to_numpy()
    if over_array:
        lengths = scores[0].value_lengths().fill_null(0).to_numpy().astype(np.int64)
        return Ragged(*_cells(scores[0].flatten()), lengths, label, weight, partial=partial_rows)
    x, null = (np.column_stack(cells) for cells in zip(*map(_cells, scores), strict=True))
    return Scored(x, null, label, weight, partial=partial_rows)


def _cells(array: Any) -> _Cells:
    """Return the values of an array, and which of them are null."""
    return array.to_numpy(zero_copy_only=False), array.is_null().to_numpy(zero_copy_only=False)


def _places(labels: Any) -> NDArray[np.int64]:
    """Return the places of the labels' classes; a label below 0 names no class."""
    places, null = labels.fill_null(UNLABELLED).to_numpy(), labels.is_null().to_numpy(zero_copy_only=False)
    return np.where((places < 0) & ~null, UNKNOWN, places)
