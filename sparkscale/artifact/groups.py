"""The statistics by group in an artifact: in its document, or in a file beside it where they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from sparkscale import maps
from sparkscale.artifact import tables, values
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline.groups import maps_of
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import KeyColumn, Keys
from sparkscale.stats.table import StatsTable

#: So many statistics (groups times features) are in the document, 300 bytes each; more go into a Parquet file.
JSON_ENTRIES = 10_000
Tables: TypeAlias = Mapping[tuple[str, ...], StatsTable]


def dump(by_key: Tables) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Return what the document says of tables of statistics, and the files beside it by name."""
    said, files = [], {}
    for key, table in by_key.items():
        entry: dict[str, Any] = {"by": list(key), "types": list(table.keys.types), "groups": len(table)}
        if not is_beside(table):
            entry["keys"] = [list(map(_plain, column.items())) for column in table.keys.columns]
            entry["features"] = {name: _entries(stats) for name, stats in table.features.items()}
        else:
            data = tables.to_parquet(table)
            entry |= {"file": tables.name_of(data), "features": list(table.features)}
            files[tables.name_of(data)] = data
        said.append(entry)
    return said, files


def is_beside(table: StatsTable) -> bool:
    """Whether a table is stored in a file beside the document."""
    return len(table) * len(table.features) > JSON_ENTRIES


def load(said: Any, read: Callable[[str], bytes]) -> dict[tuple[str, ...], StatsTable]:
    """Return the tables of a document; ``read`` returns the content of a file beside it."""
    return dict(_table(entry, read) for entry in values.items(said))


def _table(entry: Mapping[str, Any], read: Callable[[str], bytes]) -> tuple[tuple[str, ...], StatsTable]:
    names, types, size = values.texts(entry["by"]), values.texts(entry["types"]), entry["groups"]
    columns = list(zip(names, types, strict=True))
    if "file" in entry:
        (name,) = values.texts([entry["file"]])
        if not name.startswith("groups-") or not name.endswith(".parquet") or set("/\\") & set(name):
            raise ValueError(f"a file of groups named {name!r:.80}")
        table = tables.from_parquet(read(name), name, columns, values.texts(entry["features"]))
    else:
        typed = zip(columns, values.items(entry["keys"]), strict=True)
        keys = Keys(tuple(KeyColumn.of(name, type_, _items(type_, items)) for (name, type_), items in typed)).check()
        stats = {name: list(map(ColumnStats.from_dict, values.items(held))) for name, held in entry["features"].items()}
        table = StatsTable(keys, {name: StatsArrays.of(held) for name, held in stats.items()})
    if type(size) is not int or len(table) != size or any(len(stats) != size for stats in table.features.values()):
        raise ValueError(f"{size!r:.80} groups, and statistics of another number")
    return names, table


def check(by_key: Tables, steps: Iterable[PlannedStep], stats: Mapping[str, ColumnStats]) -> None:
    """Refuse tables that are not those of the steps, or not of the rows of the statistics."""
    wanted: dict[tuple[str, ...], set[str]] = {}
    types = {}
    for planned in steps:
        if planned.by:
            wanted.setdefault(planned.by, set()).update(column.name for column in planned.inputs)
            types[planned.by] = tuple(column.type for column in planned.keys)
    if {key: set(table.features) for key, table in by_key.items()} != wanted:
        raise ValueError(f"steps by {list(wanted)!r:.80}, and statistics by {list(by_key)!r:.80}")
    for key, table in by_key.items():
        if table.keys.types != types[key]:
            raise ValueError(f"keys of types {types[key]}, and statistics by keys of types {table.keys.types}")
        for name, held in table.features.items():
            ours = [int(getattr(held, item).sum()) for item in ("nulls", "nans", "posinf", "neginf", "finite")]
            whole = stats[name]
            if ours != [whole.nulls, whole.nans, whole.posinf, whole.neginf, whole.finite]:
                raise ValueError(f"statistics by group of {name!r:.80} that are not of its rows")


def solved(planned: PlannedStep, by_key: Tables, wholes: Sequence[maps.Map]) -> tuple[maps.Map, ...]:
    """Return the maps of a step with groups, of the statistics and the maps of all rows."""
    every = []
    for column, whole in zip(planned.inputs, wholes, strict=False):
        if not isinstance(whole, maps.ColumnMap):
            raise TypeError("a step by group whose map is not one of columns")
        every.append(tuple(maps_of(planned, column.name, by_key[planned.by], whole)))
    return tuple(map_ for alike in zip(*every, strict=True) for map_ in alike)


def whole_of(map_: maps.Map) -> dict[str, Any]:
    """Return the map of all rows as JSON values."""
    return (map_.whole if isinstance(map_, ByGroup) else map_).to_dict()


def _entries(stats: StatsArrays) -> list[dict[str, Any]]:
    return [stats.at(place).to_dict() for place in range(len(stats))]


def _plain(item: Any) -> Any:
    return item if item is None or isinstance(item, bool | int | str) else item.isoformat()


def _items(type_: str, items: Any) -> list[Any]:
    if type_ != "date":
        return values.items(items)
    return [None if item is None else np.datetime64(values.texts([item])[0], "D") for item in values.items(items)]
