"""The artifact as a document: canonical JSON, in which the same content gives the same bytes.

Format, version 1 (UTF-8, keys sorted, one newline at the end; a double is written by its shortest
decimal form that reads back to the same bits; there is no NaN and no infinity)::

    {
      "format": "sparkscale-artifact",  "format_version": 1,
      "checksum": "sha256:<hex>",       of the document without this key, keys sorted, no white space
      "rows": 336776,                   rows that the fit saw; null if no step needed a scan
      "weight": "w",                    the column that weighed the rows; only if there was one
      "provenance": {...                versions, engine, inputs,
                     "run": {"time": "2026-01-31T02:00:00Z", "id": "..."}},     of the fit; the id only of a job
      "columns": [{"name": "distance", "type": "bigint", "nullable": true}],    every column of the table, in order
      "stats": {feature: {rows, nulls, nans, posinf, neginf, finite,
                          min, max, mean, mean_lo, m2, exp, quantiles,
                          weights: {nulls, nans, posinf, neginf, finite}}},    only with a weight
      "steps": [{
        "step": {kind, columns, into, dtype, nonfinite, empty, ...},     every field, with defaults
        "inputs": [{"path": ["distance"], "type": "bigint"}],      a step's mask is the last
        "outputs": ["distance"],          one an input, then those that the step's own fields name
        "maps": [{"kind": "affine", center, center_lo, scale, gain, offset, prescale, postscale, clip, pin}],
        "calibration": {label, temperature, nll_before, nll_after, ece_before, ece_after, bound,
                        rows: {rows, unlabelled, unknown, nulls, nonfinite}}    of a temperature that was fitted
        "keys": [{"path": ["store"], "type": "string"}]        only of a step by group: the key's columns
      }],
      "groups": [{"by": ["store"], "types": ["string"], "groups": 2,      only with steps by group, for each key
                  "keys": [[null, "a"]],    of each of the key's columns, ascending, null first; a date as 2013-01-31
                  "features": {feature: [{rows, nulls, ...}, ...]}}],      of each group
      "looks": [{"feature": "distance", "map": {...}, "stats": {...}}]   seen behind a map by a scaler that looked again
    }

The mean is ``mean + mean_lo * 2**exp``, the variance ``m2 * 4**exp / finite``. With a weight, rows of weight 0 are in
no count, ``weights`` holds for each count the sum of the weights of its rows, mean and m2 are weighted, and the
variance is ``m2 * 4**exp / weights.finite``. ``quantiles`` is null or base64 of a DataSketches KLL sketch of doubles.
A step by group has in ``maps`` those of all rows; the map of a group follows from its statistics by the step's formula,
and a group with fewer finite values than ``min_rows`` has that of all rows. With more than 10,000 statistics in
``groups``, ``keys`` is not there, ``features`` is a list of names, and ``file`` names a Parquet file beside it,
``groups-<SHA-256 of the file>.parquet``: a column for each of the key's columns (``k0`` ...) and for each field of the
statistics of each feature (``f0_finite`` ...).
A program in any language applies a map by the formula of its kind: ``affine`` is
``((x * prescale - center * prescale - center_lo) / scale * gain + offset) * postscale``, evaluated from
left to right, then clipped to ``clip``; where ``pin`` is ``[x, y]``, that x gives that y. Near the largest
and smallest doubles, first divide scale and gain by the power of 2 that brings the gain into [1, 2).
``piecewise`` interpolates between its knots, base64 of little-endian doubles, and evenly spaced ranks from 0 to 1.

Two artifacts that differ only in ``provenance.run`` and ``checksum`` are of one fit: the second is no new version.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sparkscale import maps
from sparkscale.artifact import groups, jsons
from sparkscale.errors import DataError, SparkscaleError, shown
from sparkscale.pipeline import origin, row_steps
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.looking import Look
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Field
from sparkscale.scalers.base import REGISTRY, Step, from_dict
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.keys import DTYPES

FORMAT = "sparkscale-artifact"
FORMAT_VERSION = 1
#: An artifact of 2,000 features with sketches is 70 MB; larger files are refused unread.
MAX_BYTES = 256 * 1024 * 1024


def dump(fitted: Fitted) -> bytes:
    """Return the artifact's bytes."""
    return written(fitted)[0]


def written(fitted: Fitted) -> tuple[bytes, dict[str, bytes]]:
    """Return the artifact's bytes, and by name the files that belong beside it: statistics of many groups."""
    said, files = groups.dump(fitted.tables)
    document = _document(fitted, said)
    return jsons.text(document | {"checksum": _checksum(document)}), files


def content(fitted: Fitted) -> str:
    """Return the checksum of what was fitted, whenever and by whichever run."""
    return _checksum(_timeless(_document(fitted, groups.dump(fitted.tables)[0])))


def content_of(data: bytes, name: str = "artifact") -> str:
    """Return :func:`content` of an artifact's bytes. Raises :class:`DataError` (65) if they are damaged."""
    with _worded(name):
        document = _opened(data)
        del document["checksum"]
        return _checksum(_timeless(document))


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"provenance": origin.without_run(document["provenance"])}


def _checksum(document: Mapping[str, Any]) -> str:
    try:
        return jsons.checksum(document)
    except UnicodeEncodeError as error:
        cause = f"expected names and provenance in Unicode, found an unpaired Unicode surrogate in {error.object!r:.80}"
        raise DataError("ARTIFACT_TEXT", cause, "rename the column") from error


def _document(fitted: Fitted, said: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the artifact without its checksum; ``said`` are its statistics by group."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "rows": fitted.rows,
        "provenance": dict(fitted.provenance),
        "columns": [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in fitted.columns],
        "stats": {name: stats.to_dict() for name, stats in fitted.stats.items()},
        "steps": [
            {
                "step": planned.step.to_dict(),
                "inputs": _columns(planned.inputs),
                "outputs": list(planned.outputs),
                "maps": [groups.whole_of(map_) for map_ in step_maps],
            }
            | ({"keys": _columns(planned.keys)} if planned.keys else {})
            for planned, step_maps in zip(fitted.steps, fitted.maps, strict=True)
        ],
        "looks": [
            {"feature": look.feature, "map": look.map.to_dict(), "stats": look.stats.to_dict()} for look in fitted.looks
        ],
    }
    for number, found in fitted.calibrations.items():
        document["steps"][number - 1]["calibration"] = found.to_dict()
    if fitted.weight is not None:
        document["weight"] = fitted.weight
    if said:
        document["groups"] = said
    return document


def _columns(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [{"path": list(column.path), "type": column.type} for column in columns]


def _no_files(name: str) -> bytes:
    raise DataError("ARTIFACT_INVALID", f"expected the file {name:.80} beside the artifact, found none")


def load(data: bytes, name: str = "artifact", read: Callable[[str], bytes] = _no_files) -> Fitted:
    """Read an artifact, without running any code in it. Raises :class:`DataError` (65) that says what is wrong.

    ``read`` returns the content of a file beside it.
    """
    with _worded(name):
        return _fitted(_opened(data), read)


@contextlib.contextmanager
def _worded(name: str) -> Iterator[None]:
    """Raise what is wrong with a document as a :class:`DataError` that names it."""
    try:
        yield
    except SparkscaleError as error:
        raise DataError(error.code, f"{name}: {error.cause}", error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        cause = f"{name}: its content is not that of an artifact: {error!r:.200}"
        raise DataError("ARTIFACT_INVALID", cause, "fit again, or restore the file") from error


def _opened(data: bytes) -> dict[str, Any]:
    """Return the document in an artifact's bytes, its format, version and checksum checked."""
    if len(data) > MAX_BYTES:
        raise DataError("ARTIFACT_INVALID", f"expected at most {MAX_BYTES:,} bytes, found {len(data):,}")
    document = _parse(data)
    _check_envelope(document)
    return document


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = jsons.parse(data)
    except (ValueError, RecursionError) as error:
        found = f"other text ({str(error)[:120]})" if data else "an empty file"
        cause = f"expected a JSON artifact, found {found}"
        raise DataError("ARTIFACT_INVALID", cause, "fit again, or restore the file") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = shown(document.get("format")) if isinstance(document, dict) else f"a {type(document).__name__}"
        raise DataError("ARTIFACT_FORMAT", f"expected format {FORMAT!r}, found {found}", "is this the right file?")
    return document


def _check_envelope(document: Mapping[str, Any]) -> None:
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise DataError("ARTIFACT_INVALID", f"expected a format_version, found {str(version)[:80]!r}")
    if version > FORMAT_VERSION:
        raise DataError(
            "ARTIFACT_NEWER",
            f"its format is version {version}, this sparkscale reads up to {FORMAT_VERSION}",
            "upgrade sparkscale",
        )
    expected = jsons.checksum({key: value for key, value in document.items() if key != "checksum"})
    if document.get("checksum") != expected:
        raise DataError(
            "ARTIFACT_CHECKSUM",
            f"its content does not match its checksum (expected {expected[:19]}..., "
            f"found {str(document.get('checksum'))[:19]}...)",
            "the file was changed or damaged: restore it, or fit again",
        )


def _fitted(document: Mapping[str, Any], read: Callable[[str], bytes]) -> Fitted:
    steps, step_maps, calibrations = [], [], {}
    stats = {str(name): ColumnStats.from_dict(item) for name, item in document["stats"].items()}
    for item in _list(document["steps"]):
        inputs, keys = (tuple(map(_found, _list(item.get(part, [])))) for part in ("inputs", "keys"))
        planned = PlannedStep(_step(item["step"]), inputs, _texts(item["outputs"]), keys)
        loaded = tuple(maps.from_dict(map_) for map_ in _list(item["maps"]))
        _check_step(planned, loaded)
        steps.append(planned)
        step_maps.append(loaded)
        if (label := row_steps.label(planned.step)) is not None or "calibration" in item:
            calibrations[len(steps)] = _calibration(item["calibration"], label, loaded[0])
    rows = document["rows"]
    if not (rows is None or (type(rows) is int and 0 <= rows < 2**63)) or not isinstance(document["provenance"], dict):
        raise ValueError(f"rows {rows!r}")
    origin.check(document["provenance"])
    if any(
        known != rows for known in (*(s.rows for s in stats.values()), *(c.rows.rows for c in calibrations.values()))
    ):
        raise ValueError(f"statistics of another number of rows than {rows}")
    features = {column.name for planned in steps if not planned.step.by_row for column in planned.inputs}
    if features != set(stats):
        raise ValueError(f"steps that need statistics of {sorted(features)}, and statistics of {sorted(stats)}")
    weight = _text(document["weight"]) if "weight" in document else None
    if any((known.weights is None) != (weight is None) for known in stats.values()):
        raise ValueError(f"weight {weight!r:.80}, and statistics of which some are not weighted so")
    columns = tuple(_column(item) for item in _list(document["columns"]))
    _check_inputs(steps, columns)
    tables = groups.load(document["groups"], read) if "groups" in document else {}
    groups.check(tables, steps, stats)
    pairs = zip(steps, step_maps, strict=True)
    step_maps = [groups.solved(planned, tables, held) if planned.by else held for planned, held in pairs]
    looks = tuple(_look(item, stats) for item in _list(document["looks"]))
    return Fitted(
        tuple(steps),
        columns,
        stats,
        tuple(step_maps),
        rows,
        document["provenance"],
        looks,
        weight,
        calibrations,
        tables,
    )


def _calibration(data: Mapping[str, Any], label: str | None, map_: maps.Map) -> Calibration:
    found = Calibration.from_dict(data)
    if found.label != label or getattr(map_, "temperature", None) != found.temperature:
        raise ValueError(f"a temperature {found.temperature!r} that does not belong to its step")
    return found


def _found(data: Mapping[str, Any]) -> Column:
    return Column(_texts(data["path"]), _text(data["type"]))


def _look(data: Mapping[str, Any], stats: Mapping[str, ColumnStats]) -> Look:
    feature, map_, seen = _text(data["feature"]), maps.from_dict(data["map"]), ColumnStats.from_dict(data["stats"])
    if feature not in stats or not isinstance(map_, maps.ColumnMap) or not _alike(seen, stats[feature]):
        raise ValueError(f"a look at {feature!r:.80} that does not belong to its statistics")
    return Look(feature, map_, seen)


def _alike(one: ColumnStats, other: ColumnStats) -> bool:
    """Whether two statistics can be of the same rows."""
    return one.rows == other.rows and (one.weights is None) == (other.weights is None)


def _step(data: Mapping[str, Any]) -> Step:
    kind = data["kind"]
    if kind not in REGISTRY:
        hint = f"upgrade sparkscale, or import the module that defines it; the kinds are {', '.join(sorted(REGISTRY))}"
        raise DataError("ARTIFACT_INVALID", f"unknown step {str(kind)[:80]!r}", hint)
    return from_dict(data)


def _column(data: Mapping[str, Any]) -> Field:
    if not isinstance(data["nullable"], bool):
        raise TypeError(f"expected true or false, found {data['nullable']!r:.80}")
    return Field(_text(data["name"]), _text(data["type"]), nullable=data["nullable"])


def _check_inputs(steps: Iterable[PlannedStep], columns: Sequence[Field]) -> None:
    """Refuse steps that read columns that the table lacks, or has with another type."""
    known = {column.name for column in columns}
    types = {((column.name,), column.type) for column in columns}
    for column in (column for planned in steps for column in planned.read):
        if column.path[0] not in known or not (column.nested or (column.path, column.type) in types):
            raise ValueError(f"a step that reads {column.name!r:.80}, which is not among the columns")


def _check_step(planned: PlannedStep, loaded: tuple[maps.Map, ...]) -> None:
    wanted = 1 if planned.step.by_row else len(planned.main)
    if len(planned.keys) != len(planned.by) or any(column.type not in DTYPES for column in planned.keys):
        raise ValueError(f"keys {[column.name for column in planned.keys]!r:.80} of a step by {planned.by!r:.80}")
    if not planned.mapped or len(planned.main) != _width(planned) or len(loaded) != wanted:
        raise ValueError(f"{len(planned.inputs)} inputs, {len(planned.outputs)} outputs, {len(loaded)} maps")
    if any(map_.by_row != planned.step.by_row for map_ in loaded):
        raise ValueError(f"a map that is not one of step {planned.step.kind!r}")
    if planned.outputs[len(planned.main) :] != tuple(row_steps.facts(planned.step).values()):
        raise ValueError(f"outputs {list(planned.outputs)!r:.80} that are not those of step {planned.step.kind!r}")


def _width(planned: PlannedStep) -> int:
    """Return how many main outputs a step has: none where it only writes facts of its rows."""
    if row_steps.facts(planned.step) and planned.step.into is None:
        return 0
    return len(planned.mapped) + sum(len(planned.step.extra_outputs(column.name)) for column in planned.mapped)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r:.80}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    texts = tuple(map(_text, _list(value)))
    if not texts:
        raise ValueError("expected names, found none")
    return texts


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {value!r:.80}")
    return value
