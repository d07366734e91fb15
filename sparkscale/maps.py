"""Maps: what happens to a batch of numbers. Pure NumPy; the reference that every engine is held to.

A *column map* (:class:`Affine`, :class:`Undefined`) takes and gives a 1-D float64 array. Nulls are
not its business: an engine hands it values and puts the nulls back.

A *row map* (:class:`Softmax`, :class:`UnitNorm`) takes ``(rows, k)`` float64 values and a boolean
array of the same shape that is true where a score is null, and gives both back.

Every map says by :attr:`ulps` how far, in units in the last place of the largest number that it
adds up, two correct implementations may be apart (another ``exp``, another order of a sum).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

#: A center from which on ``x - center`` can be larger than a double holds: half the last place of the largest.
HUGE = 2.0**970

_KINDS: dict[str, type[Map]] = {}


@dataclass(frozen=True)
class Map:
    """Base of all maps: a registered ``kind`` and plain fields, to and from a dict of JSON values."""

    kind: ClassVar[str]
    by_row: ClassVar[bool] = False
    lossless: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
            _KINDS[kind] = cls

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the fields, as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        raise NotImplementedError


@dataclass(frozen=True)
class ColumnMap(Map):
    """A map of one column."""

    ulps: ClassVar[float] = 4.0

    def forward(self, x: Floats) -> Floats:
        """Map values (1-D float64)."""
        raise NotImplementedError

    def inverse(self, y: Floats) -> Floats:
        """Map values back (1-D float64)."""
        raise NotImplementedError


@dataclass(frozen=True)
class RowMap(Map):
    """A map of ``k`` scores of a row onto ``k`` numbers; it needs no statistics."""

    by_row: ClassVar[bool] = True
    nonfinite: Literal["keep", "error"] = "keep"

    def __post_init__(self) -> None:
        """Refuse an unknown policy."""
        if self.nonfinite not in ("keep", "error"):
            raise ValueError(f"expected nonfinite: keep|error, found {self.nonfinite!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; ``null`` is true where a score is null. Returns the same two."""
        raise NotImplementedError

    def ulps_of(self, k: int) -> float:
        """Units in the last place by which two correct implementations may differ for ``k`` scores."""
        return 8.0 + k

    def _refuse_nonfinite(self, x: Floats, null: Bools) -> None:
        if self.nonfinite == "error" and not np.isfinite(x[~null]).all():
            raise DataError(
                "DATA_NONFINITE",
                f"{self.kind}: expected finite scores (nonfinite: error), found NaN or an infinity",
                "mend the data, or take nonfinite: keep",
            )


@dataclass(frozen=True)
class Affine(ColumnMap, kind="affine"):
    """``y = (x * prescale - center * prescale) / scale * gain + offset``, with an optional clip.

    The scale divides, and is never multiplied as a reciprocal: at mean 1e9 and std 1 the form
    ``x * gain + bias`` is off by 1e-7 where subtract-then-divide has 4e-16.

    Attributes:
        center: in the unit of ``x``; subtracted first.
        scale: in the unit of ``x`` times ``prescale``; positive.
        gain, offset: in the unit of ``y``; ``gain`` is positive.
        prescale: 1, or 1/2 where ``x - center`` can be larger than a double holds.
        clip: the two ends that ``y`` is held within, or None. The inverse of a clipped map is lossy.
        pin: ``(x, y)``: exactly this ``x`` gives exactly this ``y``. Needed where no double ``gain``
            has ``gain + offset`` equal to the end of the range.

    NaN gives NaN. An infinity gives itself, or the end of the clip.

    >>> onto = Affine.spanning(-33.0, 1301.0, center=-33.0, onto=(-1.0, 1.0), clip=(-1.0, 1.0))
    >>> onto.formula
    'clip((x - -33.0) / 1334.0 * 2.0 + -1.0, -1.0, 1.0)'
    >>> onto.forward(np.array([-33.0, 634.0, 1301.0, np.inf]))
    array([-1.,  0.,  1.,  1.])
    """

    lossless: ClassVar[bool] = True

    center: float = 0.0
    scale: float = 1.0
    gain: float = 1.0
    offset: float = 0.0
    prescale: float = 1.0
    clip: tuple[float, float] | None = None
    pin: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no affine map."""
        pairs = [pair for pair in (self.clip, self.pin) if pair is not None]
        if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - a pair
            raise ValueError(f"expected two numbers or none in clip and pin, found {self}")
        numbers = [self.center, self.scale, self.gain, self.offset, self.prescale, *chain(*pairs)]
        if any(isinstance(number, bool) or not math.isfinite(number) for number in numbers):
            raise ValueError(f"expected finite numbers, found {self}")
        if self.clip is not None and self.clip[0] > self.clip[1]:
            raise ValueError(f"expected a clip [low, high], low <= high, found {self}")
        if self.scale <= 0 or self.gain <= 0 or self.prescale not in (1.0, 0.5):
            raise ValueError(f"expected scale > 0, gain > 0 and prescale 1 or 1/2, found {self}")

    @classmethod
    def spanning(
        cls,
        low: float,
        high: float,
        *,
        center: float,
        onto: tuple[float, float] = (0.0, 1.0),
        clip: tuple[float, float] | None = None,
    ) -> Affine:
        """Map with the scale ``high - low``, safe where that overflows; ``onto`` holds offset and offset + gain.

        Where ``center`` is ``low``, both ends map to the ends of ``onto`` bit for bit.
        """
        prescale = 0.5 if math.isinf(high - low) or abs(center) >= HUGE else 1.0
        start, end = onto
        gain = _gain(start, end)
        pin = (high, end) if center == low < high and gain + start != end else None
        span = high * prescale - low * prescale
        scale = span if span > 0 else prescale  # of a constant: 1, in the unit of x
        return cls(center, scale, gain, start, prescale, clip=clip, pin=pin)

    def forward(self, x: Floats) -> Floats:
        """Map values (1-D float64); what is neutral (gain 1, offset 0) is left out, as in every engine."""
        with np.errstate(over="ignore", invalid="ignore"):
            y = x - self.center if self.prescale == 1 else x * self.prescale - self.center * self.prescale
            y = y / self.scale
            if self.gain != 1:
                y = y * self.gain
            if self.offset != 0:
                y = y + self.offset
        if self.pin is not None:
            y = np.where(x == self.pin[0], self.pin[1], y)
        return y if self.clip is None else np.clip(y, *self.clip)

    def inverse(self, y: Floats) -> Floats:
        """Map values back; what a clip has cut stays at the end of the fitted range."""
        with np.errstate(over="ignore", invalid="ignore"):
            x = y - self.offset if self.offset != 0 else y
            x = x / self.gain if self.gain != 1 else x
            x = x * self.scale + self.center * self.prescale
            x = x / self.prescale if self.prescale != 1 else x
        return x if self.pin is None else np.where(y == self.pin[1], self.pin[0], x)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        half = "" if self.prescale == 1 else f" * {self.prescale!r}"
        text = f"(x{half} - {self.center * self.prescale!r}) / {self.scale!r}"
        text += f" * {self.gain!r}" if self.gain != 1 else ""
        text += f" + {self.offset!r}" if self.offset != 0 else ""
        return text if self.clip is None else f"clip({text}, {self.clip[0]!r}, {self.clip[1]!r})"


@dataclass(frozen=True)
class Undefined(ColumnMap, kind="undefined"):
    """The map of a column that had no finite value when it was fitted, and ``empty: null``: all null."""

    def forward(self, x: Floats) -> Floats:
        """Give NaN for everything; engines make it null."""
        return np.full_like(x, np.nan)

    def inverse(self, y: Floats) -> Floats:
        """Give NaN for everything; engines make it null."""
        return self.forward(y)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return "null"


@dataclass(frozen=True)
class Softmax(RowMap, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)``, or its logarithm; the row maximum is subtracted first.

    Sums to 1 within ``k * 2**-53``. The limits at infinity are taken: the scores of +inf share the
    whole, -inf gives 0. A NaN makes the row NaN. A null makes the row null, or (``mask``) is left out.
    A row whose scores are all -inf has no softmax: ``undefined`` says what stands there.
    """

    temperature: float = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no softmax."""
        super().__post_init__()
        if isinstance(self.temperature, bool) or not 0 < self.temperature < math.inf:
            raise ValueError(f"expected a finite temperature > 0, found {self.temperature}")
        if self.nulls not in ("null", "mask") or self.undefined not in ("null", "zeros", "uniform", "error"):
            raise ValueError(f"expected nulls: null|mask and undefined: null|zeros|uniform|error, found {self}")
        if not isinstance(self.log, bool):
            raise TypeError(f"expected log: true|false, found {self.log!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; see :class:`RowMap`."""
        self._refuse_nonfinite(x, null)
        null = null | null.any(axis=1, keepdims=True) if self.nulls == "null" else null
        if x.shape[1] == 0:
            return x, null
        top = np.where(null, -np.inf, x).max(axis=1, keepdims=True)
        undefined = (top == -np.inf) & ~null.all(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            logits = self._logits(x, top, undefined)
            weights = np.where(null, 0.0, np.exp(logits))
            total = weights.sum(axis=1, keepdims=True)
            y = logits - np.log(total) if self.log else weights / total
        if self.undefined == "zeros":
            y = np.where(undefined, -np.inf if self.log else 0.0, y)
        return (y, null | undefined) if self.undefined == "null" else (y, null)

    def _logits(self, x: Floats, top: Floats, undefined: Bools) -> Floats:
        """Return ``(x - top) / T``, by halves because the difference can overflow, with the limits at infinity."""
        if self.undefined == "error" and undefined.any():
            raise DataError(
                "DATA_UNDEFINED",
                f"{self.kind}: expected a score above -inf in every row (undefined: error), "
                f"found {np.count_nonzero(undefined)} rows with none",
                "mend the data, or take undefined: null, zeros or uniform",
            )
        logits = (x * 0.5 - top * 0.5) / self.temperature * 2.0
        logits = np.where(top == np.inf, np.where(x == np.inf, 0.0, -np.inf), logits)
        return np.where(undefined, 0.0, logits)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        scores = "x" if self.temperature == 1 else f"x / {self.temperature!r}"
        return f"{'log_' if self.log else ''}softmax({scores})"


@dataclass(frozen=True)
class UnitNorm(RowMap, kind="unit_norm"):
    """``x / norm(x)`` by row: l1 (sum of magnitudes), l2 (Euclidean) or max (largest magnitude).

    The largest magnitude is divided out first, so that no square over- or underflows. A row of
    zeros stays zeros, as in scikit-learn. A NaN makes the row NaN, a null makes it null. At
    infinity the limit is taken: infinities share the norm with their signs, the rest is 0.
    """

    norm: Literal["l1", "l2", "max"] = "l2"

    def __post_init__(self) -> None:
        """Refuse an unknown norm."""
        super().__post_init__()
        if self.norm not in ("l1", "l2", "max"):
            raise ValueError(f"expected norm: l1|l2|max, found {self.norm!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; see :class:`RowMap`."""
        self._refuse_nonfinite(x, null)
        null = null | null.any(axis=1, keepdims=True)
        if x.shape[1] == 0:
            return x, null
        x = np.where(null, 0.0, x)  # a row with a null is not divided, and its squares could overflow
        top = np.abs(x).max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = np.where(top == np.inf, np.where(np.isinf(x), np.sign(x), 0.0), x / top)
            return np.where(top == 0, x, unit / self._size(unit)), null

    def _size(self, unit: Floats) -> Floats | float:
        if self.norm == "max":
            return 1.0
        if self.norm == "l1":
            return np.asarray(np.abs(unit).sum(axis=1, keepdims=True))
        return np.asarray(np.sqrt(np.square(unit).sum(axis=1, keepdims=True)))

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"x / {self.norm}(x)"


def from_dict(data: Mapping[str, Any]) -> Map:
    """Read what ``to_dict`` wrote; raises :class:`DataError` on anything else."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise DataError("ARTIFACT_INVALID", f"expected a map of kind {sorted(_KINDS)}, found {str(kind)[:80]!r}")
    if set(data) != {"kind"} | {field.name for field in fields(cls)}:
        raise DataError("ARTIFACT_INVALID", f"map {kind}: unexpected or missing fields in {sorted(map(str, data))}")
    try:
        return cls(**{k: _value(v) for k, v in data.items() if k != "kind"})
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("ARTIFACT_INVALID", f"map {kind}: {error}") from error


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(float(item) if type(item) is int else item for item in value)
    return float(value) if type(value) is int else value


def nonzero(scale: float) -> float:
    """Return the scale, or 1 where it is 0 or undefined: a constant column keeps its offset from the constant."""
    return scale if scale > 0 else 1.0


def _gain(start: float, end: float) -> float:
    """Return the gain next to ``end - start`` for which ``gain + start`` is ``end``, or the last below it."""
    gain = end - start
    while gain + start > end:
        gain = math.nextafter(gain, 0.0)
    higher = math.nextafter(gain, math.inf)
    return higher if gain + start < end and higher + start == end else gain
