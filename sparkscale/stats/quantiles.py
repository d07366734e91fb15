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
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkscale.errors import ConfigError, DataError, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The accuracy parameter of our sketches, but for those of some states: 24 KB a column for a rank error of 0.27 %.
K = 1024
#: The accuracy parameters by the rank errors that states can ask for: 24 KB and 5 KB for each feature and partition.
K_OF_ERROR: Mapping[float, int] = {0.0027: K, 0.013: 205}
#: A sketch of two or more values: its first byte, the offset of its number of levels, that of their starts (uint32).
_FULL, _LEVELS, _HEADER = b"\x05", 18, 20


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

    @classmethod
    def repeated(cls, value: float, count: int) -> QuantileSketch:
        """Sketch one value ``count`` times, by doubling."""
        import numpy as np

        doubled, whole = cls.of(np.array([value])), cls.of(np.array([]))
        while count:
            whole = whole + doubled if count % 2 else whole
            count //= 2
            doubled = doubled + doubled if count else doubled
        return whole.canonical()

    def mapped(self, increasing: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> QuantileSketch:
        """Return the sketch of the values behind a function that never decreases: the order of values stays."""
        import numpy as np

        sketch, starts = self._open(), _level_starts(self.data)
        if not starts:
            return QuantileSketch.of(increasing(np.array([sketch.get_min_value()] if sketch.n else [])))
        start = _HEADER + 4 * len(starts)
        values = np.frombuffer(self.data, "<f8", 2 + sketch.num_retained, start)
        end = start + values.nbytes
        return QuantileSketch(self.data[:start] + increasing(values).astype("<f8").tobytes() + self.data[end:])

    def coarsened(self, k: int) -> QuantileSketch:
        """Return a sketch with the size and rank error of accuracy ``k``; itself if it has no more than that.

        Up to ``k`` values it stays exact.
        """
        sketch = self._open()
        if sketch.k <= k or sketch.n <= k:
            return self
        coarse = _kll().kll_doubles_sketch(k)
        coarse.merge(sketch)
        return QuantileSketch(coarse.serialize())

    def __add__(self, other: QuantileSketch) -> QuantileSketch:
        """Return the sketch of both inputs; its rank error is the larger one of theirs, however many are merged."""
        merged = self._open()
        merged.merge(other._open())
        return QuantileSketch(merged.serialize())

    @classmethod
    def merged(cls, parts: Iterable[QuantileSketch]) -> QuantileSketch:
        """Return the sketch of all inputs, of which there is at least one."""
        first, *rest = (part._open() for part in parts)  # noqa: SLF001 - its own class
        for other in rest:
            first.merge(other)
        return cls(first.serialize())

    def canonical(self) -> QuantileSketch:
        """Return one form of a sketch that holds all its values, whatever engine and order of merging made it.

        Larger sketches are randomized, and stay as they are.
        """
        sketch = self._open()
        if sketch.is_estimation_mode():
            return self
        import numpy as np

        if sketch.n < 2:  # noqa: PLR2004 - they have a form of their own
            return QuantileSketch.of(np.array([sketch.get_min_value()] if sketch.n else []))
        start = _HEADER + 4 * len(_level_starts(self.data)) + 16  # behind min and max
        return QuantileSketch.of(np.sort(np.frombuffer(self.data, "<f8", sketch.num_retained, start)))

    def quantile(self, rank: float) -> float:
        """Return the quantile of ``rank`` (0 to 1); see :meth:`quantiles`."""
        return self.quantiles([rank])[0]

    def quantiles(self, ranks: Sequence[float]) -> list[float]:
        """Return the quantiles of ``ranks`` (0 to 1), linearly interpolated; NaN where nothing was sketched.

        While the sketch holds every value this is NumPy's default method (``linear``), exactly. Beyond, a retained
        value of weight ``w`` stands in the middle of the ``w`` values of the data that it represents, minimum and
        maximum stand at the ends, and a quantile is interpolated between the two neighbours of its position.
        Its rank is within :attr:`rank_error`.
        """
        import numpy as np

        values, places = self._order()
        return standing_at(np.asarray(ranks) * places[-1], values, places) if values.size else [math.nan] * len(ranks)

    def evenly(self, count: int) -> list[float]:
        """Return the quantiles of ``count`` evenly spaced ranks, from 0 to 1: of as many values as that, themselves."""
        import numpy as np

        values, places = self._order()
        wanted = np.arange(count) * places[-1] / (count - 1)  # the product is exact: no rank is rounded past its value
        return standing_at(wanted, values, places)

    def retained(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return the retained values, ascending, how many values of the data each stands for, and the rank error."""
        sketch = self._open()
        return *self._retained(sketch), _rank_error(sketch)

    def _retained(self, sketch: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        import numpy as np

        starts = _level_starts(self.data)
        if not starts:
            values = np.array([sketch.get_min_value()] if sketch.n else [], dtype=np.float64)
            return values, np.ones(values.size)
        start = _HEADER + 4 * len(starts) + 16  # behind min and max
        values = np.frombuffer(self.data, "<f8", sketch.num_retained, start)
        sizes = np.diff([*starts, starts[0] + values.size])
        weights = np.repeat(2.0 ** np.arange(len(starts)), sizes)
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    def _order(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the retained values in ascending order, and the place of each among all values, from 0 to n - 1."""
        import numpy as np

        sketch = self._open()
        values, weights = self._retained(sketch)
        places = np.cumsum(weights) - (weights + 1) / 2
        if sketch.is_estimation_mode():
            values = np.concatenate([[sketch.get_min_value()], values, [sketch.get_max_value()]])
            places = np.concatenate([[0.0], places, [sketch.n - 1.0]])
        return values, places

    @property
    def count(self) -> int:
        """How many values were sketched."""
        return int(self._open().n)

    @property
    def rank_error(self) -> float:
        """The single-sided normalized rank error that holds with 99 % confidence."""
        return _rank_error(self._open())

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
            starts = _level_starts(self.data)
            sketch = _kll().kll_doubles_sketch.deserialize(self.data)
            _check(self.data, starts, sketch)
        except (RuntimeError, ValueError, IndexError, MemoryError, struct.error) as error:
            raise DataError(
                "ARTIFACT_INVALID", f"a quantile sketch is not a DataSketches KLL sketch of doubles: {error}"
            ) from error
        return sketch


def k_of(error: float) -> int:
    """Return the accuracy parameter for a rank error of states; raises :class:`ConfigError` for one not offered."""
    if isinstance(error, bool) or error not in K_OF_ERROR:
        cause = f"quantile_error: expected {' or '.join(map(str, K_OF_ERROR))}, found {shown(error)}"
        raise ConfigError("CONFIG_VALUE", cause, "0.013 stores a fifth of the bytes")
    return K_OF_ERROR[error]


def _rank_error(sketch: Any) -> float:
    return float(sketch.normalized_rank_error(as_pmf=False)) if sketch.is_estimation_mode() else 0.0


def standing_at(wanted: NDArray[np.float64], values: NDArray[np.float64], places: NDArray[np.float64]) -> list[float]:
    """Return what stands at these places among values that stand at others."""
    import numpy as np

    below = np.searchsorted(places, wanted, side="right") - 1
    above = np.minimum(below + 1, values.size - 1)
    shares = (wanted - places[below]) / np.maximum(places[above] - places[below], 0.5)  # of neighbours at one place
    found: list[float] = between(values[below], values[above], shares).tolist()
    return found


def between(low: NDArray[np.float64], high: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate as NumPy does, from the nearer end; where the difference overflows, by the sum of both shares."""
    import numpy as np

    with np.errstate(all="ignore"):
        gap = high - low
        near = np.where(share < 0.5, low + gap * share, high - gap * (1 - share))  # noqa: PLR2004 - a half
        return np.where(np.isfinite(gap), near, low * (1 - share) + high * share)


def _level_starts(data: bytes) -> tuple[int, ...]:
    """Read where each level starts, which C++ reads beyond the end of bytes that were cut off."""
    if data[:1] != _FULL:
        return ()
    starts = struct.unpack_from(f"<{data[_LEVELS]}I", data, _HEADER)
    struct.unpack_from("<2d", data, _HEADER + 4 * len(starts))  # min and max
    if not starts:
        raise ValueError("it has no levels")
    return starts


def _check(data: bytes, starts: tuple[int, ...], sketch: Any) -> None:
    """Refuse levels that do not add up to ``n``, which C++ trusts until a query crashes, and values not finite."""
    import numpy as np

    if not starts:
        sizes, values = [sketch.n], np.array([sketch.get_min_value(), sketch.get_max_value()] if sketch.n else [])
    else:
        ends = (*starts[1:], starts[0] + sketch.num_retained)
        sizes = [end - start for start, end in zip(starts, ends, strict=True)]
        values = np.frombuffer(data, "<f8", 2 + sketch.num_retained, _HEADER + 4 * len(starts))
    if min(sizes) < 0 or sum(size << level for level, size in enumerate(sizes)) != sketch.n:
        raise ValueError(f"its levels do not hold {sketch.n} values")
    if not np.isfinite(values).all():
        raise ValueError("its values are not finite")


def _kll() -> Any:
    import datasketches  # here, because only robust scaling needs it

    return datasketches
