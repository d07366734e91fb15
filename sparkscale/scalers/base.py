"""Scalers: rules that turn column statistics into a map. THE extension point.

A scaler is one small class: its fields are its keys in the job file, its ``kind`` is its tag
there, ``solve`` makes its map. Nothing else has to be told about it.

Column scalers (*normalization*) rescale each feature over all rows, for models that train on it.
Row maps turn the scores of one row into numbers of that row: *softmax* into probabilities that
sum to 1. They need no statistics; a softmax is not a way to scale features.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from types import NoneType
from typing import Any, ClassVar, Literal, TypeAlias, dataclass_transform, get_args, get_origin, get_type_hints

import numpy as np
from typing_extensions import TypedDict

from sparkscale import maps
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, Map, nonzero
from sparkscale.stats.column import EPS, ColumnStats

#: A choice of columns by dtype: ``{"dtype": "numeric", "except": ["year"]}``.
ByDtype = TypedDict(
    "ByDtype",
    {"dtype": Literal["numeric", "integer", "floating", "decimal"], "except": list[str]},
    total=False,
)
Selector: TypeAlias = str | ByDtype

#: Every kind of step by its tag in the job file; filled by defining a class with ``kind=``.
REGISTRY: dict[str, type[Step]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclass(frozen=True, kw_only=True)
class Step:
    """What every step has.

    Attributes:
        columns: names, globs (``*_delay``), ``/regular expressions/`` (searched for), or
            ``{dtype: numeric, except: [year]}``; one or a list. A pattern chooses numeric columns only.
        into: the name of the output, with ``{column}`` for the input's; None replaces in place.
        dtype: of the output.
        nonfinite: ``keep`` leaves NaN and infinities out of the statistics and counts them;
            ``error`` stops the job where there are any.
        empty: ``error`` stops the job where a column has no finite value (or every score is null);
            ``null`` accepts it and gives null.
    """

    kind: ClassVar[str]
    by_row: ClassVar[bool] = False
    needs_quantiles: ClassVar[bool] = False

    columns: Selector | Sequence[Selector] = field(kw_only=False)
    into: str | None = None
    dtype: Literal["float64", "float32"] = "float64"
    nonfinite: Literal["keep", "error"] = "keep"
    empty: Literal["error", "null"] = "error"

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        if kind:
            cls.kind = kind
            REGISTRY[kind] = cls

    def __post_init__(self) -> None:
        """Bring every field into the one form of its declared type, or raise :class:`ConfigError`."""
        object.__setattr__(self, "columns", _selectors(self.columns))
        for name, declared in _declared(type(self)).items():
            object.__setattr__(self, name, _conform(name, getattr(self, name), declared))
        if self.into == "":
            raise _unlike("into", "a name such as '{column}_scaled'", self.into)
        self.validate()

    def validate(self) -> None:
        """Check what the types of one's own fields do not say; raise :class:`ConfigError`."""

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """The columns in their one form."""
        return self.columns  # type: ignore[return-value]

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and every field, defaults too, as JSON values."""
        out: dict[str, Any] = {"kind": self.kind}
        for item in fields(self):
            value = getattr(self, item.name)
            out[item.name] = list(value) if isinstance(value, tuple) else value
        return out


class Scaler(Step):
    """A step that rescales each of its columns by the statistics of that column."""

    def solve(self, stats: ColumnStats) -> Map:
        """Return the map of a column with these statistics, which hold at least one finite value."""
        raise NotImplementedError


class RowStep(Step):
    """A step over the scores of a row: two or more columns, or one array column."""

    by_row: ClassVar[bool] = True

    def solve_row(self) -> maps.RowMap:
        """Return the map; it needs no statistics."""
        raise NotImplementedError


class Standard(Scaler, kind="standard"):
    """``(x - mean) / std``: z-scores. The mean is subtracted as two doubles, so a large offset costs no digits.

    std is ``sqrt(M2 / (n - ddof))``; ddof 0 as in NumPy and scikit-learn, 1 as in Spark MLlib.
    A column counts as constant where min == max, or where std is no larger than the rounding of
    the stored doubles, ``eps * |mean|``; then the scale is 1.

    >>> Standard("x").solve(ColumnStats.of([1.0, 2.0, 3.0])).formula
    '(x - 2.0) / 0.816496580927726'
    """

    with_mean: bool = True
    with_std: bool = True
    ddof: Literal[0, 1] = 0

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the z-score map."""
        unit = maps.unit_of(stats.mean, stats.std_of(self.ddof))
        std = stats.std_of(self.ddof, unit)  # of a subnormal spread too, in a unit that holds all its digits
        varies = not stats.constant and std > EPS * math.ldexp(abs(stats.mean), -unit)
        unit = unit if self.with_std and varies else max(unit, 0)
        part, exp = _remainder(stats) if self.with_mean else (0.0, 0)
        return Affine(
            center=stats.mean if self.with_mean else 0.0,
            center_lo=math.ldexp(part, exp - unit),
            scale=std if self.with_std and varies else 2.0**-unit,
            prescale=2.0**-unit,
        )


class MinMax(Scaler, kind="minmax"):
    """``(x - min) / (max - min) * (b - a) + a`` for the range ``[a, b]``; min and max map onto a and b exactly.

    >>> MinMax("x").solve(ColumnStats.of([10, 20, 30, 40])).forward(np.array([10.0, 20.0, 30.0, 40.0]))
    array([0.        , 0.33333333, 0.66666667, 1.        ])
    """

    range: tuple[float, float] = (0.0, 1.0)
    clip: bool = False

    def validate(self) -> None:
        """Check the range."""
        low, high = self.range
        if not low < high:
            raise _unlike("range", "two finite numbers [low, high], low < high", self.range)

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the min-max map."""
        clip = self.range if self.clip else None
        return Affine.spanning(stats.min, stats.max, center=stats.min, onto=self.range, clip=clip)


class MaxAbs(Scaler, kind="maxabs"):
    """``x / max(|x|)``: into [-1, 1]; 0 stays 0."""

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the max-abs map."""
        scale = nonzero(max(abs(stats.min), abs(stats.max)))
        return Affine(scale=scale, clip=(-1.0, 1.0) if self.clip else None)


class Robust(Scaler, kind="robust"):
    """``(x - median) / (q_high - q_low)``, with quantiles interpolated linearly as NumPy and scikit-learn do.

    The quantiles come from a KLL sketch. Up to 1,024 values the sketch holds all of them and the quantiles are
    exact; beyond, their ranks are within 0.27 % (see :meth:`sparkscale.stats.quantiles.QuantileSketch.quantiles`).

    >>> Robust("x").solve(ColumnStats.of([1.0, 2.0, 3.0], quantiles=True)).formula
    '(x - 2.0) / 1.0'
    """

    needs_quantiles: ClassVar[bool] = True

    quantile_range: tuple[float, float] = (25.0, 75.0)
    with_centering: bool = True
    with_scaling: bool = True

    def validate(self) -> None:
        """Check the quantile range."""
        low, high = self.quantile_range
        if not 0 <= low < high <= 100:  # noqa: PLR2004 - percent
            expected = "two percentages [low, high], 0 <= low < high <= 100"
            raise _unlike("quantile_range", expected, self.quantile_range)

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the robust map."""
        if stats.quantiles is None:
            raise ConfigError("STATS_QUANTILES", "robust: expected statistics with a quantile sketch, found none")
        q_low, q_high = (percent / 100 for percent in self.quantile_range)
        low, median, high = stats.quantiles.quantiles([q_low, 0.5, q_high])
        low, high = (low, high) if self.with_scaling else (0.0, 1.0)
        return Affine.spanning(low, high, center=median if self.with_centering else 0.0)


class MeanNorm(Scaler, kind="mean_norm"):
    """``(x - mean) / (max - min)``."""

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the mean normalization map."""
        plain = Affine.spanning(stats.min, stats.max, center=stats.mean, center_lo=_remainder(stats))
        if not self.clip:
            return plain
        low, high = plain.forward(np.array([stats.min, stats.max])).tolist()
        return replace(plain, clip=(low, high))


class UnitNorm(RowStep, kind="unit_norm"):
    """``x / norm(x)`` by row: l1, l2 or max."""

    norm: Literal["l1", "l2", "max"] = "l2"

    def solve_row(self) -> maps.UnitNormMap:
        """Return the unit-norm map."""
        return maps.UnitNormMap(nonfinite=self.nonfinite, norm=self.norm)


class Softmax(RowStep, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)`` over the scores of a row: probabilities that sum to 1.

    Attributes:
        temperature: T > 0; scores are divided by it first.
        nulls: ``null``: a null score makes the row null; ``mask``: it is left out, the others sum to 1.
        undefined: what stands in a row whose scores are all -inf: ``null``, ``zeros``, ``uniform`` or ``error``.

    >>> row, no_null = np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3), dtype=bool)
    >>> Softmax(["a", "b", "c"]).solve_row().forward(row, no_null)[0].round(3)
    array([[0.659, 0.242, 0.099]])
    """

    log: ClassVar[bool] = False

    temperature: float = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"

    def validate(self) -> None:
        """Check the temperature."""
        if self.temperature <= 0:
            raise _unlike("temperature", "a finite number > 0", self.temperature)

    def solve_row(self) -> maps.SoftmaxMap:
        """Return the softmax map."""
        return maps.SoftmaxMap(self.nonfinite, self.temperature, self.nulls, self.undefined, self.log)


class LogSoftmax(Softmax, kind="log_softmax"):
    """``x_i / T - log(sum_j exp(x_j / T))``: the logarithm of :class:`Softmax`, without exponentiating twice."""

    log: ClassVar[bool] = True


def _remainder(stats: ColumnStats) -> tuple[float, int]:
    """Return what the double mean lacks as ``(m, e)``, ``m * 2**e``.

    It is 0 where it is no larger than eps * std: then it moves a z-score by no more than the last place of 1.
    """
    kept = not stats.constant and abs(stats.mean_lo) > EPS * stats.std_of(0, stats.exp)
    return (stats.mean_lo, stats.exp) if kept else (0.0, 0)


def pattern_of(selector: str) -> re.Pattern[str] | None:
    """Return the regular expression of ``/.../``, or None for a name or glob; raises :class:`ConfigError`."""
    if len(selector) <= 2 or not selector[0] == selector[-1] == "/":  # noqa: PLR2004 - two slashes and a pattern
        return None
    try:
        return re.compile(selector[1:-1])
    except re.error as error:
        cause = f"columns: expected a regular expression between slashes, found {selector!r} ({error})"
        raise ConfigError("CONFIG_VALUE", cause) from error


def _selectors(columns: Any) -> tuple[Selector, ...]:
    """Return ``columns`` in its one form, a tuple."""
    one = isinstance(columns, str | Mapping) or not isinstance(columns, Iterable)
    chosen = tuple(_selector(item) for item in ([columns] if one else columns))
    if not chosen:
        raise _unlike("columns", _SELECTOR, columns)
    return chosen


def _selector(item: object) -> Selector:
    known = get_type_hints(ByDtype)
    if isinstance(item, Mapping) and item and set(item) <= set(known):
        by_dtype: Any = {key: _conform(f"columns: {key}", value, known[key]) for key, value in item.items()}
        for text in by_dtype.get("except", []):
            pattern_of(text)
        return by_dtype  # type: ignore[no-any-return]
    if isinstance(item, str) and item:
        pattern_of(item)
        return str(item)
    raise _unlike("columns", _SELECTOR, item)


_SELECTOR = "at least one name, pattern or {dtype: ...}"


def _declared(cls: type[Step]) -> dict[str, Any]:
    """Return the declared types of a step's fields, less ``columns``, which has a form of its own."""
    hints = get_type_hints(cls)
    return {item.name: hints[item.name] for item in fields(cls) if item.name != "columns"}


def _conform(name: str, value: Any, declared: Any) -> Any:
    """Return a value in the form of its declared type, NumPy's as Python's; other types are let through."""
    plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    origin, parts = get_origin(declared), get_args(declared)
    if NoneType in parts and len(parts) == 2:  # noqa: PLR2004 - one type, or None
        return None if plain is None else _conform(name, plain, next(part for part in parts if part is not NoneType))
    if origin is Literal:
        return _one_of(name, plain, parts)
    if origin is tuple and Ellipsis not in parts:
        if not isinstance(plain, list | tuple) or len(plain) != len(parts):
            raise _unlike(name, f"{len(parts)} values", value)
        return tuple(_conform(name, item, part) for item, part in zip(plain, parts, strict=True))
    if origin is list:
        if not isinstance(plain, list | tuple):
            raise _unlike(name, "a list", value)
        return [_conform(name, item, *parts) for item in plain]
    if declared is float:
        return _finite(name, plain)
    if declared in _NAMES and type(plain) is not declared:
        raise _unlike(name, _NAMES[declared], value)
    return plain


_NAMES: dict[Any, str] = {bool: "true or false", int: "a whole number", str: "text"}


def _finite(name: str, value: Any) -> float:
    """Return a real number as a float, -0 as 0."""
    try:
        number = float(value) + 0.0 if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _unlike(name, "a finite number", value)
    return number


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> object:
    if not any(type(value) is type(choice) and value == choice for choice in allowed):
        raise _unlike(name, " or ".join(repr(choice) for choice in allowed), value)
    return value


def _unlike(name: str, expected: str, found: object) -> ConfigError:
    try:
        shown = f"{found!r:.200}"
    except ValueError:  # an integer of more digits than Python writes
        shown = f"a huge {type(found).__name__}"
    return ConfigError("CONFIG_VALUE", f"{name}: expected {expected}, found {shown}")
