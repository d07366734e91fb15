"""A map by group: of each row, the map of its group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from sparkscale.errors import DataError
from sparkscale.maps.affine import Affine
from sparkscale.maps.affines import Affines
from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.maps.chained import Chained
from sparkscale.maps.family import Chains, Family, Fills, Limits, Loose, Places, Same
from sparkscale.maps.fill import Fill
from sparkscale.maps.limit import Limit

#: What becomes of a row whose group was not in the fit.
Unseen: TypeAlias = Literal["global", "null", "error"]

UNSEEN_HINT = "fit again with these groups, or set unseen: global or null"


@dataclass(frozen=True, eq=False)
class ByGroup(ColumnMap):
    """The map of a row's group. It reads two cells: the value, and the number of the group, null where it is unseen.

    It is made of the statistics when an artifact is loaded, and never stored itself.

    Attributes:
        family: the maps of the groups that have one of their own; the last is that of all rows.
        slots: of each group, its place in the family.
        unseen: ``global`` maps a row of an unseen group by the map of all rows, ``null`` to null; ``error`` refuses.
        said: the formula for people.
    """

    family: Family
    slots: Places
    unseen: Unseen
    said: str

    def __eq__(self, other: object) -> bool:
        """Compare what is said of the maps: they follow from the statistics, which are compared as such."""
        if not isinstance(other, ByGroup) or (self.said, self.unseen) != (other.said, other.unseen):
            return False
        return np.array_equal(self.slots, other.slots)

    def __hash__(self) -> int:
        """Hash by what is said."""
        return hash((self.said, self.unseen))

    @property
    def whole(self) -> ColumnMap:
        """The map of the statistics of all rows."""
        return self.family.at(self.family.size - 1)

    @property
    def invertible(self) -> bool:  # type: ignore[override]  # of other maps a constant
        """Whether every map has an inverse."""
        return self.whole.invertible

    @property
    def total(self) -> bool:  # type: ignore[override]
        """Whether a value always gives a value."""
        return self.whole.total and self.unseen != "null"

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in, up to rounding."""
        return self.whole.lossless

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return self.said

    @property
    def extent(self) -> None:
        """Which values a clip holds differs by group; see :meth:`met`."""
        return

    def met(self, x: Floats, null: Bools) -> dict[str, Bools]:
        """Return which rows each event happens to, for two cells a row. A row without a map of its own is ``unseen``.

        Where an unseen group has no result, its rows are not counted as anything else.
        """
        unseen = null[:, 1]
        found = self.family.met(x[:, :1], null[:, :1], self.places(x, null))
        if self.unseen != "global":
            found = {name: where & ~unseen for name, where in found.items()}
        return {**found, "unseen": unseen}

    def width(self, k: int) -> int:  # noqa: ARG002 - of two cells
        """Return how many results there are: one."""
        return 1

    def ulps_of(self, k: int) -> float:  # noqa: ARG002 - there is one value
        """Units in the last place by which two correct implementations may differ."""
        return self.whole.ulps_of(1)

    def addend_of(self, k: int) -> float:  # noqa: ARG002 - there is one value
        """The size of the largest number that any of the maps adds last."""
        return self.family.addend_of(1)

    def slack(self, x: Floats, null: Bools) -> Floats:
        """Return by how much two correct implementations may differ beyond :meth:`ulps_of`, for two cells a row."""
        places, out = self.places(x, null), np.zeros((len(x), 1))
        for place in np.unique(places):
            rows = places == place
            out[rows] = self.family.at(int(place)).slack(x[rows, :1], null[rows, :1])
        return out

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the value of each row by the map of its group."""
        self._refuse(null)
        y, absent = self.family.apply(x[:, :1], null[:, :1], self.places(x, null))
        return y, self._absent(absent, null)

    def unapply(self, y: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the value of each row back by the map of its group."""
        self._refuse(null)
        x, absent = self.family.unapply(y[:, :1], null[:, :1], self.places(y, null))
        return x, self._absent(absent, null)

    def places(self, x: Floats, null: Bools) -> Places:
        """Return the place of each row's map in the family."""
        last = self.family.size - 1
        if not self.slots.size:
            return np.full(len(x), last, dtype=np.int64)
        numbers = np.where(null[:, 1], 0, x[:, 1]).astype(np.int64)
        return np.where(null[:, 1], last, self.slots[numbers])

    def _absent(self, absent: Bools, null: Bools) -> Bools:
        return absent | null[:, 1:2] if self.unseen == "null" else absent

    def _refuse(self, null: Bools) -> None:
        if self.unseen == "error" and null[:, 1].any():
            count = int(np.count_nonzero(null[:, 1]))
            cause = f"expected groups of the fit (unseen: error), found {count:,} rows of others"
            raise DataError("DATA_UNSEEN", cause, UNSEEN_HINT)


def family_of(maps: Sequence[ColumnMap]) -> Family:
    """Return the family of maps: arrays of their parameters if they have one form."""
    first = maps[0]
    if all(map_ == first for map_ in maps):
        return Same(first, len(maps))
    if all(type(map_) is Affine for map_ in maps):
        return Affines.of((map_ for map_ in maps if isinstance(map_, Affine)), len(maps))
    fills = [map_ for map_ in maps if isinstance(map_, Fill)]
    if len(fills) == len(maps) and len({map_.missing for map_ in fills}) == 1:
        return Fills(np.array([map_.value for map_ in fills]), fills[0])
    limits = [map_ for map_ in maps if isinstance(map_, Limit)]
    if len(limits) == len(maps):
        ends = ((map_.low, map_.high) for map_ in limits)
        low, high = np.array([(-np.inf if a is None else a, np.inf if b is None else b) for a, b in ends]).T
        return Limits(low, high)
    chains = [map_.maps for map_ in maps if isinstance(map_, Chained)]
    if len(chains) == len(maps) and len(set(map(len, chains))) == 1:
        return Chains(tuple(family_of(part) for part in zip(*chains, strict=True)))
    return Loose(tuple(maps))
