"""Families: maps of one form, one for each group, as arrays of their parameters and not as objects.

A family maps a batch in which each row has the map at its own place. It gives each row the bits that the map itself
gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.maps.chained import Chained
from sparkscale.maps.extent import EVENTS, Extent
from sparkscale.maps.fill import Fill
from sparkscale.maps.limit import Limit

Places: TypeAlias = NDArray[np.int64]


class Family:
    """Maps of one form. ``parameters`` are those that differ from map to map, by name, an array each."""

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """Arrays of the parameters that differ; a family without a native form has none."""
        return {}

    @property
    def size(self) -> int:
        """How many maps these are."""
        raise NotImplementedError

    def at(self, place: int) -> ColumnMap:
        """Return one of the maps."""
        raise NotImplementedError

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """Map the one cell of each row by the map at the row's place."""
        raise NotImplementedError

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """Map the one cell of each row back by the map at the row's place."""
        raise NotImplementedError

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:  # noqa: ARG002 - most do nothing of it
        """Return which rows each event happens to, by :attr:`Extent.events` of the maps; of those that can happen."""
        return {}

    def addend_of(self, k: int) -> float:
        """The size of the largest number that any of the maps adds last."""
        return max((self.at(place).addend_of(k) for place in range(self.size)), default=0.0)


@dataclass(frozen=True)
class Same(Family):
    """The same map for every group."""

    map: ColumnMap
    count: int

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return self.count

    def at(self, place: int) -> ColumnMap:  # noqa: ARG002 - the same everywhere
        """See :class:`Family`."""
        return self.map

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:  # noqa: ARG002
        """See :class:`Family`."""
        return self.map.apply(x, null)

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:  # noqa: ARG002
        """See :class:`Family`."""
        return self.map.unapply(y, null)

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:  # noqa: ARG002
        """See :class:`Family`."""
        return {} if self.map.extent is None else self.map.extent.found(x[:, 0], null[:, 0])

    def addend_of(self, k: int) -> float:
        """See :class:`Family`."""
        return self.map.addend_of(k)


@dataclass(frozen=True)
class Loose(Family):
    """Maps of any form, of which each is applied to the rows of its group: for maps that no other family has."""

    maps: Sequence[ColumnMap]

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return len(self.maps)

    def at(self, place: int) -> ColumnMap:
        """See :class:`Family`."""
        return self.maps[place]

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        return self._each(lambda map_, *cells: map_.apply(*cells), x, null, places)

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        return self._each(lambda map_, *cells: map_.unapply(*cells), y, null, places)

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:
        """See :class:`Family`."""
        extents = [map_.extent or Extent() for map_ in self.maps]
        possible = {name for extent in extents for name in extent.events}
        found = {name: np.zeros(len(x), dtype=bool) for name in EVENTS if name in possible}
        for rows in _alike(places):
            for name, where in extents[places[rows[0]]].found(x[rows, 0], null[rows, 0]).items():
                found[name][rows] = where
        return found

    def _each(self, change: Callable[..., Any], x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        y, absent = np.empty_like(x), np.empty_like(null)
        for rows in _alike(places):
            y[rows], absent[rows] = change(self.maps[places[rows[0]]], x[rows], null[rows])
        return y, absent


def _alike(places: Places) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each place."""
    order = np.argsort(places, kind="stable")
    yield from (rows for rows in np.split(order, np.flatnonzero(np.diff(places[order])) + 1) if rows.size)


@dataclass(frozen=True)
class Fills(Family):
    """Fills that differ in their value."""

    value: Floats
    first: Fill

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """See :class:`Family`."""
        return {"value": self.value}

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return len(self.value)

    def at(self, place: int) -> ColumnMap:
        """See :class:`Family`."""
        return replace(self.first, value=float(self.value[place]))

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        missing = (null & ("null" in self.first.missing)) | (np.isnan(x) & ~null & ("nan" in self.first.missing))
        return np.where(missing, self.value[places][:, None], x), null & ~missing

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:  # noqa: ARG002
        """See :class:`Family`."""
        return y, null


@dataclass(frozen=True)
class Limits(Family):
    """Limits that differ in their ends; without a limit at an end, that end is infinite."""

    low: Floats
    high: Floats

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """See :class:`Family`."""
        return {"low": self.low, "high": self.high}

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return len(self.low)

    def at(self, place: int) -> ColumnMap:
        """See :class:`Family`."""
        low, high = (float(end[place]) for end in (self.low, self.high))
        return Limit(low if np.isfinite(low) else None, high if np.isfinite(high) else None)

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        return held(x, self.low[places][:, None], self.high[places][:, None]), null

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:
        """See :class:`Family`."""
        return beyond(x[:, 0], null[:, 0], self.low, self.high, places)

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:  # noqa: ARG002
        """See :class:`Family`."""
        return y, null


def beyond(y: Floats, null: Bools, low: Floats, high: Floats, places: Places) -> dict[str, Bools]:
    """Return which values are below and above the ends of their groups, and not null; of ends that some group has."""
    found = {
        "clipped_low": (y < low[places]) & ~null if (low > -np.inf).any() else None,
        "clipped_high": (y > high[places]) & ~null if (high < np.inf).any() else None,
    }
    return {name: where for name, where in found.items() if where is not None}


def held(x: Floats, low: Floats, high: Floats) -> Floats:
    """Hold values within ends that differ; as ``np.clip`` with the same ends for all, it leaves -0 at an end of 0."""
    return np.where(x < low, low, np.where(x > high, high, x))


@dataclass(frozen=True)
class Chains(Family):
    """Chains of the same number of maps, of which each is a family."""

    parts: Sequence[Family]

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return self.parts[0].size

    def at(self, place: int) -> ColumnMap:
        """See :class:`Family`."""
        return Chained(tuple(part.at(place) for part in self.parts))

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        for part in self.parts:
            x, null = part.apply(x, null, places)
        return x, null

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        for part in reversed(self.parts):
            y, null = part.unapply(y, null, places)
        return y, null

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:
        """See :class:`Family`. A value that some map has no result for is not clipped by another."""
        found: dict[str, Bools] = {}
        undefined = np.zeros(len(x), dtype=bool)
        for part in self.parts:
            for name, where in part.met(x, null, places).items():
                found[name] = found.get(name, False) | where
            undefined = found.get("undefined", undefined)
            x, null = part.apply(x, null | undefined[:, None], places)
        return {name: where if name == "undefined" else where & ~undefined for name, where in found.items()}

    def addend_of(self, k: int) -> float:
        """See :class:`Family`."""
        return self.parts[-1].addend_of(k)
