"""Maps one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sparkscale.maps.base import TINY, Bools, ColumnMap, Floats
from sparkscale.maps.extent import Extent
from sparkscale.stats.column import EPS, ColumnStats


@dataclass(frozen=True)
class Chained(ColumnMap, kind="chained"):
    """Column maps in order: each maps what the one before it gives. The inverse runs backwards.

    Attributes:
        maps: at least one; none of them is a chain.
    """

    maps: tuple[ColumnMap, ...]

    def __post_init__(self) -> None:
        """Refuse what is no chain of column maps."""
        if not self.maps or not all(
            isinstance(map_, ColumnMap) and not isinstance(map_, Chained) for map_ in self.maps
        ):
            raise ValueError(f"expected column maps, found {self.maps!r:.80}")

    @classmethod
    def of(cls, maps: Sequence[ColumnMap]) -> ColumnMap:
        """Return one map for several; of one, that one."""
        return maps[0] if len(maps) == 1 else cls(tuple(maps))

    @property
    def invertible(self) -> bool:  # type: ignore[override]  # of other maps a constant
        """Whether every map has an inverse."""
        return all(map_.invertible for map_ in self.maps)

    @property
    def total(self) -> bool:  # type: ignore[override]
        """Whether every map gives a value for a value."""
        return all(map_.total for map_ in self.maps)

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in, up to rounding."""
        return all(map_.lossless for map_ in self.maps)

    @property
    def increasing(self) -> bool:  # type: ignore[override]
        """Whether every map is."""
        return all(map_.increasing for map_ in self.maps)

    @property
    def extent(self) -> Extent | None:
        """Where every map is defined, and none clips, as values of the column."""
        found, extents = Extent(), list[Extent]()
        for number, map_ in enumerate(self.maps):
            if (own := map_.extent) is None:
                return None
            extents.append(own)
            if own.events:
                before = Chained.of(self.maps[:number]) if number else None
                if before is not None and not before.increasing:
                    return None
                found = found.then(own, before.forward if before else np.asarray)
        of_null, of_nan = (self._met_by_missing(extents, null=null) for null in (True, False))
        return replace(found, null=of_null, nan=of_nan)

    def _met_by_missing(self, extents: Sequence[Extent], *, null: bool) -> frozenset[str]:
        """Return what happens to a null, or to NaN, once a map has filled it."""
        cell, absent, met = np.array([[np.nan]]), np.array([[null]]), set[str]()
        for map_, extent in zip(self.maps, extents, strict=True):
            met |= {name for name, where in extent.found(cell, absent).items() if where.any()}
            if "undefined" in met:
                return frozenset({"undefined"})
            cell, absent = map_.apply(cell, absent)
        return frozenset(met)

    def forward(self, x: Floats) -> Floats:
        """Map values that are not null."""
        for map_ in self.maps:
            x = map_.forward(x)
        return x

    def inverse(self, y: Floats) -> Floats:
        """Map values back."""
        for map_ in reversed(self.maps):
            y = map_.inverse(y)
        return y

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row."""
        for map_ in self.maps:
            x, null = map_.apply(x, null)
        return x, null

    def unapply(self, y: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row back."""
        for map_ in reversed(self.maps):
            y, null = map_.unapply(y, null)
        return y, null

    def after(self, stats: ColumnStats) -> ColumnStats | None:
        """Return the statistics behind all maps, where they follow from those before."""
        known: ColumnStats | None = stats
        for map_ in self.maps:
            known = None if known is None else map_.after(known)
        return known

    def slack(self, x: Floats, null: Bools) -> Floats:
        """Follow a difference of rounding through the maps: how far each moves it, and what it adds."""
        apart = np.zeros_like(x)
        for map_ in self.maps:
            y, absent = map_.apply(x, null)
            with np.errstate(all="ignore"):
                moved = [np.abs(map_.forward((x + side)[:, 0])[:, None] - y) for side in (apart, -apart)]
                own = map_.ulps_of(1) * (EPS * np.maximum(np.abs(y), map_.addend_of(1)) + TINY)
                apart = np.nan_to_num(np.fmax(*moved), posinf=0.0) + own + map_.slack(x, null)
            x, null = y, absent
        return apart

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return ", then ".join(map_.formula for map_ in self.maps)
