"""Steps: their shared fields, and their registry.

A scaler is one small class in a file of this folder: its fields are its keys in the job file, its ``kind`` is its tag
there, its ``formula`` is what `explain` shows, ``solve`` makes its map. Nothing else needs to know about it. It
works as a step, and without columns as a stage of a chain (:mod:`sparkscale.scalers.chain`).

Column scalers (*normalization*) rescale each feature over all rows, for models that train on it.
Row maps turn the scores of one row into numbers of that row: *softmax* into probabilities that
sum to 1. They need no statistics, only a temperature that is fitted looks at the data; a softmax is not a way to scale
features.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, dataclass_transform, get_type_hints

from sparkscale.maps import ColumnMap, RowMap
from sparkscale.maps.affines import Affines
from sparkscale.maps.winners import Fact
from sparkscale.scalers.fields import Choice, Rule, Table, kind_of
from sparkscale.scalers.groups import KeyNames
from sparkscale.scalers.learning import Learning, RowLearning
from sparkscale.scalers.mismatch import FieldError, Mismatch
from sparkscale.scalers.selectors import Selector, Selectors
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays

#: Every kind of step by its tag in the job file; filled by defining a class with ``kind=``.
REGISTRY: dict[str, type[Step]] = {}

#: The fields that say where a step reads and writes. A stage of a chain has none of them.
SHARED = ("columns", "into", "dtype", "nonfinite", "empty", "over", "by", "unseen", "min_rows")


class NoColumns(Enum):
    """What stands for the columns of a stage."""

    STAGE = "none"


_NAME = Rule("a name such as '{column}_scaled'", bool, {"minLength": 1})

_AT_LEAST_ONE = Rule("1 or more", lambda number: number >= 1, {"minimum": 1})


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclass(frozen=True, kw_only=True, repr=False)
class Step:
    """What every step has.

    The type hints of the fields say everything about them (:mod:`sparkscale.scalers.fields`): Python, the job
    file and its JSON Schema follow them.

    Attributes:
        kind: the step's tag in the job file.
        formula: what the step computes, for people, in terms of its statistics: ``(x - mean) / std``.
        columns: names, globs (``*_delay``), ``/regular expressions/`` (searched for), or
            ``{dtype: numeric, except: [year]}``; one or a list. A pattern chooses numeric columns only,
            and none that the table is partitioned by. A stage of a chain has no columns.
        into: the name of the output, with ``{column}`` for the input's; without it, the column is replaced.
        dtype: the type of the output.
        nonfinite: ``keep`` leaves NaN and infinities out of the statistics and counts them;
            ``error`` stops the job if there are any.
        empty: ``error`` stops the job if a column has no finite value (or every score is null);
            ``null`` accepts it and gives null.
    """

    kind: ClassVar[str] = ""
    formula: ClassVar[str]
    by_row: ClassVar[bool] = False
    needs_quantiles: ClassVar[bool] = False

    columns: Annotated[Selector | Sequence[Selector], Selectors()] = field(default=NoColumns.STAGE, kw_only=False)  # type: ignore[assignment]
    into: Annotated[str, _NAME] | None = None
    dtype: Literal["float64", "float32"] = "float64"
    nonfinite: Literal["keep", "error"] = "keep"
    empty: Literal["error", "null"] = "error"

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        if kind:
            _register(kind, cls)

    def __post_init__(self) -> None:
        """Bring every field into the one form of its type; raises :class:`FieldError` with all that is wrong."""
        given = {"kind": self.kind} | {item.name: getattr(self, item.name) for item in fields(self)}
        table = table_of(type(self))
        if self.is_stage:
            table = table.without("columns")
            del given["columns"]
        for name, value in read(table, given).items():
            if name != "kind":
                object.__setattr__(self, name, value)
        self.validate()

    def validate(self) -> None:
        """Check what no field says alone, such as ``low < high``; raise :class:`~sparkscale.errors.ConfigError`."""

    @property
    def is_stage(self) -> bool:
        """Whether the step has no columns: it is a stage of a chain."""
        return self.columns is NoColumns.STAGE  # type: ignore[comparison-overlap]

    @property
    def sketches(self) -> bool:
        """Whether the step, or a stage of it, needs a quantile sketch."""
        return self.needs_quantiles

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """The columns in their one form."""
        return self.columns  # type: ignore[return-value]

    def extra_outputs(self, column: str) -> tuple[str, ...]:  # noqa: ARG002 - most steps have none
        """Return the names that the step writes for a column beside its own output."""
        return ()

    def __repr__(self) -> str:
        """Return the step as it is written, without what is as by default."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        own = [repr(given.pop("columns"))] if not self.is_stage else []
        default = dict(_defaults(type(self)))
        own += [
            f"{name}={value!r}" for name, value in given.items() if name != "columns" and value != default.get(name)
        ]
        return f"{type(self).__name__}({', '.join(own)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and every field, defaults too, as JSON values."""
        return {"kind": self.kind} | {item.name: json_of(getattr(self, item.name)) for item in fields(self)}


class Scaler(Step):
    """A step that rescales each of its columns by the statistics of that column.

    Attributes:
        over: how to scale an array column, such as an embedding: ``position`` gives each position its own statistics,
            and all arrays must have one length; ``all`` gives all elements one, and arrays may have any length.
            The output is an array column. Other columns need no ``over``.
        by: the columns of a key, strings, integers, dates or booleans; one name or a list. Each group of rows with the
            same key is scaled by its own statistics; a null is a key as any other. No pattern chooses these columns.
        unseen: what becomes of a row whose group was not in the fit: ``global`` uses the statistics of all rows,
            ``null`` gives null, ``error`` stops the job before anything is published.
        min_rows: a group with fewer finite values uses the statistics of all rows; 1 or more.
    """

    over: Literal["position", "all"] = "position"
    by: Annotated[str | Sequence[str], KeyNames()] | None = None
    unseen: Literal["global", "null", "error"] = "global"
    min_rows: Annotated[int, _AT_LEAST_ONE] = 1

    def __post_init__(self) -> None:
        """Bring every field into its one form, and refuse groups where there is nothing to group."""
        super().__post_init__()
        if wrong := list(self._ungrouped() if self.by is None else self._unfit_for_groups()):
            raise FieldError(wrong)

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key's columns; none without groups."""
        return () if self.by is None else tuple(self.by)

    def _ungrouped(self) -> Iterator[Mismatch]:
        """Yield the fields that only groups have."""
        default = dict(_defaults(type(self)))
        for name in ("unseen", "min_rows"):
            if getattr(self, name) != default[name]:
                yield Mismatch((name,), f"expected 'by' beside {name!r}", getattr(self, name), "name the key's columns")

    def _unfit_for_groups(self) -> Iterator[Mismatch]:
        """Yield what keeps the scaler from having statistics by group."""
        if not self.needs_stats:
            text = f"expected a scaler that learns from statistics, but {self.kind} learns nothing"
            yield Mismatch(("by",), text, list(self.key), "leave out 'by'")
        if self.looks:
            text = f"expected a scaler that learns in one look, but {self.kind} looks at the data again"
            yield Mismatch(("by",), text, list(self.key), "leave out 'by', or fit each group as a pipeline of its own")

    @property
    def needs_stats(self) -> bool:
        """Whether the map depends on the column's statistics."""
        return True

    @property
    def needs_values(self) -> bool:
        """Whether there is no map for a column without a finite value."""
        return True

    @property
    def looks(self) -> int:
        """How often the scaler looks again at most: the rounds of :meth:`learn`."""
        return 0

    @property
    def parts(self) -> int:
        """How many maps, one after another, make up the scaler's map."""
        return 1

    def solve(self, stats: ColumnStats) -> ColumnMap:
        """Return the map of a column with these statistics, which hold at least one finite value."""
        raise NotImplementedError

    def solve_groups(self, stats: StatsArrays) -> Affines | None:  # noqa: ARG002 - most are solved one by one
        """Return the maps of many groups at once, bit for bit those of :meth:`solve`; None to solve one by one.

        Worth defining where there may be a million groups.
        """
        return None

    def learn(self, stats: ColumnStats) -> Learning:
        """Return the map of a column, as a generator that may look again; see :mod:`sparkscale.scalers.learning`."""
        yield from ()
        return self.solve(stats)

    def extra_maps(self, map_: ColumnMap) -> tuple[ColumnMap, ...]:  # noqa: ARG002 - most scalers have none
        """Return the maps of :meth:`extra_outputs`, given the column's own."""
        return ()


class RowStep(Step):
    """A step over the scores of a row: two or more columns, or one array column."""

    by_row: ClassVar[bool] = True

    @property
    def beside(self) -> tuple[str, ...]:
        """The names of the columns that are read beside the scores, such as a mask."""
        return ()

    @property
    def facts(self) -> Mapping[Fact, str]:
        """The facts of each row that the step writes beside or instead of its numbers, by fact the column's name."""
        return {}

    @property
    def label(self) -> str | None:
        """The column of labels that the step learns from, at a fit only; None if it learns nothing."""
        return None

    @property
    def looks(self) -> tuple[int, int]:
        """How often the step looks at the data: as a rule, and at most."""
        return 0, 0

    def solve_row(self) -> RowMap:
        """Return the map of a step that learns nothing."""
        raise NotImplementedError

    def learn_row(self) -> RowLearning:
        """Return the map, as a generator that may look at the data; see :mod:`sparkscale.scalers.learning`."""
        yield from ()
        return self.solve_row(), None


def _register(kind: str, cls: type[Step]) -> None:
    """Note a new kind; raises TypeError where it is taken, or nothing says what it computes."""
    taken = REGISTRY.get(kind)
    if taken is not None:
        raise TypeError(f"kind {kind!r} of {cls.__qualname__} is already {taken.__module__}.{taken.__qualname__}")
    if not vars(cls).get("formula"):
        raise TypeError(f"{cls.__qualname__}: expected a formula such as '(x - mean) / std', found none")
    cls.kind = kind
    REGISTRY[kind] = cls


def table_of(cls: type[Step]) -> Table:
    """Return what a step's keys can hold: its kind, and its fields by their type hints."""
    return _table(cls)  # type: ignore[arg-type]  # a class hashes as any object


@functools.cache
def _table(cls: Any) -> Table:
    hints = get_type_hints(cls, include_extras=True)
    kinds = {"kind": Choice((cls.kind,))} | {item.name: kind_of(hints[item.name]) for item in fields(cls)}
    defaults = {name: json_of(value) for name, value in _defaults(cls)}
    required = tuple(name for name in kinds if name not in defaults and not (name == "kind" and cls.kind in kinds))
    return Table(kinds, required, defaults)


def _defaults(cls: Any) -> Iterator[tuple[str, Any]]:
    for item in fields(cls):
        if item.name == "columns" or item.metadata.get("required"):
            continue
        if item.default is not MISSING:
            yield item.name, item.default
        elif item.default_factory is not MISSING:
            yield item.name, item.default_factory()


def read(table: Table, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys with their values in their one form; raises :class:`FieldError` with all that is wrong."""
    wrong: list[Mismatch] = []
    values: dict[str, Any] = table.read(data, (), wrong)
    if wrong:
        raise FieldError(wrong)
    return values


def json_of(value: Any) -> Any:
    """Return a field's value as JSON: a stage by its own fields."""
    if isinstance(value, Step):
        return {name: held for name, held in value.to_dict().items() if name not in SHARED}
    return [json_of(item) for item in value] if isinstance(value, tuple) else value
