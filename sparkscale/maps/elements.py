"""Column maps of the elements of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from sparkscale.errors import DataError
from sparkscale.maps.base import Bools, ColumnMap, Floats, Inverse
from sparkscale.maps.extent import EVENTS, Extent

#: What the statistics of an array column are of: each position apart, or all elements together.
Over: TypeAlias = Literal["position", "all"]

LENGTH_HINT = "fix those rows, or fit again with over: all, whose arrays may have any length"

_Way: TypeAlias = Callable[[Floats, Bools], tuple[Floats, Bools]]
_Cells: TypeAlias = tuple[slice, slice | int]


@dataclass(frozen=True)
class Elements(ColumnMap, kind="elements"):
    """Maps each element of an array; the result is as long. A null element is a null cell of its map.

    A null array stays null, unless a map of some position fills nulls: then it is an array of null elements.

    Attributes:
        maps: one for each position, or the one of ``all`` elements.
        over: ``position`` maps arrays that have one element for each map; ``all`` maps arrays of any length.
    """

    maps: tuple[ColumnMap, ...]
    over: Over

    def __post_init__(self) -> None:
        """Refuse what are no maps of elements."""
        if not isinstance(self.maps, tuple) or not self.maps or not all(map(_is_of_element, self.maps)):
            raise ValueError(f"expected column maps, found {self.maps!r:.80}")
        if self.over not in ("position", "all") or (self.over == "all" and len(self.maps) > 1):
            raise ValueError(f"expected over: position, or all with one map, found {self.over!r:.80}")

    @property
    def length(self) -> int | None:
        """How many elements an array has to have; None for any number."""
        return len(self.maps) if self.over == "position" else None

    @cached_property
    def fills_rows(self) -> bool:
        """Whether a null array becomes one: at some position, a null becomes a number."""
        null = np.ones((1, len(self.maps)), dtype=bool)
        return self.over == "position" and not self.apply(np.full(null.shape, np.nan), null)[1].all()

    @property
    def backwards(self) -> Elements:
        """The inverses of the maps, as a map of elements."""
        return Elements(tuple(map(Inverse, self.maps)), self.over)

    @property
    def invertible(self) -> bool:  # type: ignore[override]  # of other maps a constant
        """Whether every map has an inverse."""
        return all(map_.invertible for map_ in self.maps)

    @property
    def total(self) -> bool:  # type: ignore[override]
        """Whether the array is never null where it was not: of its elements nothing is said."""
        return False

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in, up to rounding."""
        return all(map_.lossless for map_ in self.maps)

    @property
    def extent(self) -> None:
        """Which values a clip holds differs by position; see :meth:`met`."""
        return

    @cached_property
    def extents(self) -> tuple[Extent, ...]:
        """The extent of each map; none at all where one of them is not known, as counts without it would mislead."""
        found = tuple(map_.extent for map_ in self.maps)
        return tuple(extent for extent in found if extent is not None) if None not in found else ()

    def met(self, x: Floats, null: Bools) -> dict[str, Bools]:
        """Return which elements of arrays ``(rows, k)`` each event happens to, by the extents of their maps."""
        possible = {name for extent in self.extents for name in extent.events}
        found = {name: np.zeros_like(null) for name in EVENTS if name in possible}
        for extent, (_, cells) in zip(self.extents, self._cells(x), strict=False):
            for name, where in extent.found(x[cells], null[cells]).items():
                found[name][cells] = where
        return found

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        first = self.maps[0].formula
        if self.over == "all":
            return f"{first}, of all elements"
        more = len(self.maps) - 1
        return f"{first}, at position 0" + (f" and {more:,} more by position" if more else "")

    def ulps_of(self, k: int) -> float:  # noqa: ARG002 - each element is a cell of its own
        """Units in the last place by which two correct implementations may differ."""
        return max(map_.ulps_of(1) for map_ in self.maps)

    def addend_of(self, k: int) -> float:  # noqa: ARG002 - each element is a cell of its own
        """The size of the largest number that any of the maps adds last."""
        return max(map_.addend_of(1) for map_ in self.maps)

    def slack(self, x: Floats, null: Bools) -> Floats:
        """Return by how much two correct implementations may differ beyond :meth:`ulps_of`, for ``(rows, k)``."""
        out = np.zeros_like(x)
        for map_, cells in self._cells(x):
            out[cells] = map_.slack(_upright(x[cells]), _upright(null[cells])).reshape(out[cells].shape)
        return out

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map arrays of one length, ``(rows, k)``; raises :class:`DataError` if that is not the one of the fit."""
        return self._mapped(x, null, lambda map_: map_.apply)

    def unapply(self, y: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map arrays of one length back."""
        return self._mapped(y, null, lambda map_: map_.unapply)

    def _mapped(self, x: Floats, null: Bools, way: Callable[[ColumnMap], _Way]) -> tuple[Floats, Bools]:
        y, absent = np.empty_like(x), np.empty_like(null)
        for map_, cells in self._cells(x):
            made, gone = way(map_)(_upright(x[cells]), _upright(null[cells]))
            y[cells], absent[cells] = made.reshape(y[cells].shape), gone.reshape(y[cells].shape)
        return y, absent

    def _cells(self, x: Floats) -> Iterator[tuple[ColumnMap, _Cells]]:
        """Yield each map with its cells of ``(rows, k)``."""
        if self.over == "all":
            yield self.maps[0], (slice(None), slice(None))
            return
        if x.shape[1] != len(self.maps):
            cause = f"expected arrays of {len(self.maps):,} elements as in the fit, found {x.shape[1]:,}"
            raise DataError("DATA_LENGTH", cause, LENGTH_HINT)
        yield from ((map_, (slice(None), place)) for place, map_ in enumerate(self.maps))


def _upright(cells: Floats | Bools) -> Any:
    """Return cells as a column map takes them: one in a row."""
    return cells.reshape(-1, 1)


def _is_of_element(map_: object) -> bool:
    return isinstance(map_, ColumnMap) and not isinstance(map_, Elements)
