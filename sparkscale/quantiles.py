"""Quantile sketches: Apache DataSketches KLL over doubles, kept as their own portable bytes.

Source: Karnin, Lang, Liberty, "Optimal Quantile Approximation in Streams" (FOCS 2016), in the
implementation of Apache DataSketches. The same bytes come out of Spark's
``kll_sketch_agg_double`` (Java) and of the ``datasketches`` package (C++).

A KLL sketch is randomized: two fits of the same data may hold different bytes and give quantiles
whose ranks differ within :attr:`QuantileSketch.rank_error`. Up to ``K`` values it is exact.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkscale.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The accuracy parameter of every sketch we make: 24 KB a column for a rank error of 0.27 %.
K = 1024


@dataclass(frozen=True)
class QuantileSketch:
    """The bytes of a DataSketches ``kll_doubles_sketch``; immutable and mergeable."""

    data: bytes

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> QuantileSketch:
        """Sketch the finite ``values`` (1-D float64)."""
        sketch = _kll().kll_doubles_sketch(K)
        sketch.update(values)
        return cls(sketch.serialize())

    def __add__(self, other: QuantileSketch) -> QuantileSketch:
        """Return the sketch of both inputs; its rank error is that of one sketch."""
        merged = self._open()
        merged.merge(other._open())
        return QuantileSketch(merged.serialize())

    def quantile(self, rank: float) -> float:
        """Return a value whose rank is ``rank`` (0 to 1) within :attr:`rank_error`."""
        return float(self._open().get_quantile(rank))

    @property
    def rank_error(self) -> float:
        """The single-sided normalized rank error that holds with 99 % confidence."""
        sketch = self._open()
        return float(sketch.normalized_rank_error(False)) if sketch.is_estimation_mode() else 0.0

    def to_text(self) -> str:
        """Return the sketch as base64."""
        return base64.b64encode(self.data).decode("ascii")

    @classmethod
    def from_text(cls, text: object) -> QuantileSketch:
        """Read base64 as written by :meth:`to_text`; raises :class:`DataError` on anything else."""
        try:
            sketch = cls(base64.b64decode(str(text), validate=True))
        except (binascii.Error, ValueError) as error:
            raise DataError("ARTIFACT_INVALID", f"a quantile sketch is not base64: {error}") from error
        sketch._open()
        return sketch

    def _open(self) -> Any:
        try:
            return _kll().kll_doubles_sketch.deserialize(self.data)
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            raise DataError(
                "ARTIFACT_INVALID", f"a quantile sketch is not a DataSketches KLL sketch of doubles: {error}"
            ) from error


def _kll() -> Any:
    import datasketches  # here, because only robust scaling needs it

    return datasketches
