"""The base of all maps, and their form as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError
from sparkscale.maps.extent import Extent
from sparkscale.stats.column import ColumnStats

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

#: The smallest double above 0.
TINY = 5e-324

#: Every kind of map by its name in an artifact; filled by defining a class with ``kind=``.
KINDS: dict[str, type[Map]] = {}


@dataclass(frozen=True)
class Map:
    """Base of all maps: plain fields, to and from a dict of JSON values. Defining one with a ``kind`` registers it.

    Engines, the self check and ``explain`` ask a map only for what this class declares.

    Attributes:
        by_row: whether it maps the scores of a row together, and not one column.
        invertible: whether it has an inverse at all.
        total: whether a value that is not null always gives one that is not null.
    """

    kind: ClassVar[str]
    by_row: ClassVar[bool] = False
    invertible: ClassVar[bool] = False
    total: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
            KINDS[kind] = cls

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the fields, as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind} | {name: _plain(value) for name, value in values.items()}

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        raise NotImplementedError

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in, up to rounding."""
        return False

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map cells ``(rows, k)``; ``null`` is true where a cell is null. Returns the same two.

        This is what every engine but the native one calls.
        """
        raise NotImplementedError

    def width(self, k: int) -> int:
        """How many results there are for ``k`` cells."""
        return k

    def ulps_of(self, k: int) -> float:
        """Units in the last place by which two correct implementations may differ for ``k`` cells."""
        raise NotImplementedError

    def addend_of(self, k: int) -> float:  # noqa: ARG002 - most maps add nothing
        """The size of the number that is added last to each of ``k`` results, which may cancel it."""
        return 0.0

    def slack(self, x: Floats, null: Bools) -> Floats:  # noqa: ARG002 - most maps have none
        """Return by how much two correct implementations may differ beyond :meth:`ulps_of`, for cells ``(rows, k)``."""
        return np.zeros_like(x)

    def doubt(self, x: Floats, null: Bools) -> str:  # noqa: ARG002 - most maps have none
        """Say what looks wrong with a sample of cells ``(rows, k)``; an empty string if nothing does."""
        return ""


@dataclass(frozen=True)
class ColumnMap(Map):
    """A map of one column. A null stays null, unless :meth:`apply` is overridden.

    Attributes:
        increasing: whether a larger value never gives a smaller one. Behind a map that is not known to be, an audit
            counts nothing.
    """

    invertible: ClassVar[bool] = True
    total: ClassVar[bool] = True
    increasing: ClassVar[bool] = False
    ulps: ClassVar[float] = 4.0

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in, up to rounding."""
        return self.invertible

    @property
    def extent(self) -> Extent | None:
        """Which values have no result, and which a clip holds; None if that is not known."""
        return Extent()

    def after(self, stats: ColumnStats) -> ColumnStats | None:  # noqa: ARG002 - for most maps a scan must tell
        """Return the statistics behind the map, where they follow from those before it; None where a scan must tell."""
        return None

    def forward(self, x: Floats) -> Floats:
        """Map values (1-D float64)."""
        raise NotImplementedError

    def inverse(self, y: Floats) -> Floats:
        """Map values back (1-D float64)."""
        raise NotImplementedError

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row."""
        return self.forward(x[:, 0])[:, None], null

    def unapply(self, y: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row back."""
        return self.inverse(y[:, 0])[:, None], null

    def ulps_of(self, k: int) -> float:  # noqa: ARG002 - there is one cell
        """Units in the last place by which two correct implementations may differ."""
        return self.ulps


@dataclass(frozen=True)
class Inverse(ColumnMap):
    """The inverse of a column map, as a map: for the engines, and never stored."""

    total: ClassVar[bool] = False
    map: ColumnMap

    @property
    def lossless(self) -> bool:
        """Whether the map that is inverted is."""
        return self.map.lossless

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"the inverse of {self.map.formula}"

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row back."""
        return self.map.unapply(x, null)

    def width(self, k: int) -> int:
        """Return how many results the map has, of which the inverse has as many."""
        return self.map.width(k)

    def forward(self, x: Floats) -> Floats:
        """Map values back."""
        return self.map.inverse(x)

    def inverse(self, y: Floats) -> Floats:
        """Map values forward."""
        return self.map.forward(y)


@dataclass(frozen=True)
class RowMap(Map):
    """A map of the ``k`` scores of a row to ``k`` numbers; it needs no statistics.

    Attributes:
        partial: whether there are rows for which it is undefined.
        nonfinite: ``keep`` maps NaN and infinities; ``error`` stops the job if there are any.
    """

    by_row: ClassVar[bool] = True
    partial: ClassVar[bool] = False
    nonfinite: Literal["keep", "error"] = "keep"

    def __post_init__(self) -> None:
        """Refuse an unknown policy."""
        if self.nonfinite not in ("keep", "error"):
            raise ValueError(f"expected nonfinite: keep|error, found {self.nonfinite!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; ``null`` is true where a score is null. Returns the same two."""
        raise NotImplementedError

    def undefined_rows(self, x: Floats, null: Bools) -> Bools:  # noqa: ARG002 - of a partial map
        """Return for which rows of scores ``(rows, k)`` the map is undefined, whatever it gives them."""
        return np.zeros(len(x), dtype=bool)

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores; the same as :meth:`forward`."""
        return self.forward(x, null)

    def ulps_of(self, k: int) -> float:
        """Units in the last place by which two correct implementations may differ for ``k`` scores."""
        return 8.0 + k

    def _refuse_nonfinite(self, x: Floats, null: Bools) -> None:
        if self.nonfinite == "error" and not np.isfinite(x[~null]).all():
            raise DataError(
                "DATA_NONFINITE",
                f"{self.kind}: expected finite scores (nonfinite: error), found NaN or an infinity",
                "fix the data, or set nonfinite: keep",
            )


def from_dict(data: Mapping[str, Any]) -> Map:
    """Read what ``to_dict`` wrote; raises :class:`DataError` on anything else."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise DataError("ARTIFACT_INVALID", f"expected a map of kind {sorted(KINDS)}, found {str(kind)[:80]!r}")
    if set(data) != {"kind"} | {field.name for field in fields(cls)}:
        raise DataError("ARTIFACT_INVALID", f"map {kind}: unexpected or missing fields in {sorted(map(str, data))}")
    try:
        return cls(**{k: _value(v) for k, v in data.items() if k != "kind"})
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("ARTIFACT_INVALID", f"map {kind}: {error}") from error


def is_number(value: object) -> bool:
    """Whether a value is a finite number, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_dict() if isinstance(value, Map) else value


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_value, value))
    if isinstance(value, Mapping):
        return from_dict(value)
    return float(value) if type(value) is int else value
