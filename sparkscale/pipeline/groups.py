"""Grouped scaling: the maps of a feature by group, and how rows of arrays find their group."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import ConfigError, DataError, Problem
from sparkscale.maps import Affine, ColumnMap
from sparkscale.maps.affines import Affines
from sparkscale.maps.by_group import UNSEEN_HINT, ByGroup, family_of
from sparkscale.maps.family import Same
from sparkscale.pipeline import arrays
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import DTYPES, KeyColumn, Keys
from sparkscale.stats.table import StatsTable

_INTEGERS = ("tinyint", "smallint", "int", "bigint")

if TYPE_CHECKING:
    from sparkscale.pipeline.planned import PlannedStep


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a fit, and the columns that hold the key of a row.

    Attributes:
        keys: of the groups; a group's number is its place here.
        columns: the key's columns, in the table that is mapped.
    """

    keys: Keys
    columns: tuple[Column, ...]

    def numbers_in(self, table: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the number of each row's group as a double, and whether the row has none."""
        names = [column.name for column in self.columns]
        typed = zip(self.keys.columns, names, strict=True)
        found = self.keys.find([key_column(table[name], name, own.type) for own, name in typed])
        return found.astype(np.float64), found < 0

    def unseen(self, table: Mapping[str, Any], number: int) -> DataError:
        """Return the error of a step whose rows are of groups that the fit has not seen, with counts."""
        names = [column.name for column in self.columns]
        given = [key_column(table[name], name, own.type) for own, name in zip(self.keys.columns, names, strict=True)]
        missing = self.keys.find(given) < 0
        keys, _ = Keys.distinct([column.take(missing) for column in given])
        return unseen_error(number, names, int(missing.sum()), len(keys), shown_key(keys))


def unseen_error(number: int, names: Sequence[str], rows: int, keys: int, example: str) -> DataError:
    """Return the error of a step with ``unseen: error``, which has found rows of groups that the fit has not seen."""
    cause = f"step {number}: expected groups of the fit (unseen: error) by {', '.join(map(repr, names))}, "
    groups = "1 group" if keys == 1 else f"{keys:,} groups"
    found = f"found {rows:,} {'row' if rows == 1 else 'rows'} of {groups} that it has not seen, such as {example}"
    return DataError("DATA_UNSEEN", cause + found, UNSEEN_HINT)


def shown_key(keys: Keys) -> str:
    """Return the first of some keys for people."""
    first = keys.take(slice(0, 1)).rows()[0]
    return ", ".join(
        "null" if part is None else str(part) if not isinstance(part, str) else repr(part) for part in first
    )


def type_of_keys(array: Any) -> str | None:
    """Return the type of keys in an object array by its first value; None without one."""
    if array.dtype != object or array.ndim != 1:
        return None
    first = next((item for item in arrays.items(array) if item is not None), None)
    kinds = ((bool, "boolean"), (str, "string"), (int, "bigint"))
    if isinstance(first, datetime.date) and not isinstance(first, datetime.datetime):
        return "date"
    return next((name for kind, name in kinds if isinstance(first, kind)), None)


def key_fits(array: Any, type_: str) -> bool:
    """Whether an array that does not tell its type can hold keys of this one: objects, as many strings are."""
    if array is None or array.ndim != 1:
        return False
    if type_ == "string" and array.dtype.kind in "UT":
        return True
    found = type_of_keys(array)
    return array.dtype == object and (found in (type_, None) or (found == "bigint" and type_ in _INTEGERS))


def key_column(array: Any, name: str, type_: str) -> KeyColumn:
    """Return keys of an array; raises :class:`DataError` where a value is not of the type."""
    array = arrays.as_array(array)
    kinds = {"boolean": "b", "date": "M", "string": ""}.get(type_, "iu")
    if array.ndim == 1 and array.dtype.kind in kinds and kinds and array.dtype != np.uint64:
        null = np.ma.getmaskarray(array).copy()
        values = np.asarray(array.data).astype(DTYPES[type_])
        if type_ == "date":
            null |= np.isnat(values)
        values[null] = np.zeros(1, dtype=DTYPES[type_])[0]
        return KeyColumn(name, type_, values, null)
    items = [item.item() if isinstance(item, np.generic) else item for item in arrays.items(array)]
    try:
        return KeyColumn.of(name, "bigint" if kinds == "iu" else type_, items)
    except DataError as error:
        hint = f"give {type_} keys as in the fit, and None for a null"
        raise DataError("DATA_TYPE", f"column {name!r}: {error.cause}", hint) from error


def measured(
    table: Mapping[str, Any],
    key: Sequence[Column],
    cells: Mapping[str, tuple[Any, Any]],
    quantiles: Iterable[str],
) -> StatsTable:
    """Return the statistics of arrays by key."""
    columns = [key_column(table[column.name], column.name, column.type) for column in key]
    typed = [KeyColumn(c.name, column.type, c.values, c.null) for c, column in zip(columns, key, strict=True)]
    return StatsTable.measured(typed, cells, quantiles)


def maps_of(planned: PlannedStep, name: str, table: StatsTable, whole: ColumnMap) -> Iterator[ColumnMap]:
    """Yield the map of a feature by group, then those of what the step writes beside it.

    Args:
        planned: the step.
        name: the feature.
        table: the statistics by key.
        whole: the map of all rows, which serves groups with too few values.
    """
    scaler = cast("Scaler", planned.step)
    stats = table.features[name]
    own = np.flatnonzero(stats.finite >= scaler.min_rows)
    slots = np.full(len(table), own.size, dtype=np.int64)
    slots[own] = np.arange(own.size)
    said = f"{scaler.formula} by {', '.join(scaler.key)}, {len(table):,} {'group' if len(table) == 1 else 'groups'}"
    alone = isinstance(whole, Affine) and not scaler.extra_outputs(name)
    at_once = scaler.solve_groups(stats.take(own)) if alone else None
    if isinstance(at_once, Affines) and isinstance(whole, Affine):
        yield ByGroup(at_once.followed_by(whole), slots, scaler.unseen, said)
        return
    maps = [*_learned(scaler, stats.take(own), name), whole]
    yield ByGroup(family_of(maps), slots, scaler.unseen, said)
    for alike in zip(*(scaler.extra_maps(map_) for map_ in maps), strict=True):
        family = family_of(alike)
        yield family.map if isinstance(family, Same) else ByGroup(family, slots, scaler.unseen, said)


def _learned(scaler: Scaler, stats: StatsArrays, name: str) -> Iterator[ColumnMap]:
    """Yield the map of each group."""
    for place in range(len(stats)):
        learning = scaler.learn(stats.at(place))
        try:
            next(learning)
        except StopIteration as end:
            yield end.value
        except DataError as error:
            raise DataError.of(
                [Problem(p.code, f"column {name!r}: {p.cause}", p.hint) for p in error.problems]
            ) from error
        else:
            cause = (
                f"column {name!r}: {scaler.kind} by group looks at the data again, which it cannot do for each group"
            )
            raise ConfigError("CONFIG_VALUE", cause, "leave out 'by', or fit each group as a pipeline of its own")


def small_groups(planned: PlannedStep, table: StatsTable) -> Iterator[str]:
    """Yield for each feature of a step how many groups have too few values for statistics of their own."""
    scaler = cast("Scaler", planned.step)
    for column in planned.inputs:
        few = int(np.count_nonzero(table.features[column.name].finite < scaler.min_rows))
        if few:
            values = "value" if scaler.min_rows == 1 else "values"
            of = f"{len(table):,} {'group' if len(table) == 1 else 'groups'}"
            counted = f"{few:,} of {of} {'has' if few == 1 else 'have'}"
            least = f"fewer than {scaler.min_rows:,} finite {values} and {'uses' if few == 1 else 'use'}"
            yield f"column {column.name!r}: {counted} {least} the statistics of all rows"


def totals(tables: Iterable[StatsTable]) -> dict[str, ColumnStats]:
    """Return the statistics of all rows, for each feature of the tables."""
    out: dict[str, ColumnStats] = {}
    for table in tables:
        out |= {name: table.total(name) for name in table.features if name not in out}
    return out
