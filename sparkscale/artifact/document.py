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
A feature of an array column is the elements at a position, ``embedding.0``, or with ``over: all`` all elements, under
the column's name and with their number for ``rows``. The map of such a column is ``{"kind": "elements", "over":
"position", "maps": [...]}``: one map for each position, or one for all.
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

from collections.abc import Callable, Iterable
from typing import Any

from sparkscale.artifact import envelope, groups, jsons, reading
from sparkscale.errors import DataError
from sparkscale.maps import Map
from sparkscale.pipeline import origin
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column


def dump(fitted: Fitted) -> bytes:
    """Return the artifact's bytes."""
    return written(fitted)[0]


def written(fitted: Fitted) -> tuple[bytes, dict[str, bytes]]:
    """Return the artifact's bytes, and by name the files that belong beside it: statistics of many groups."""
    said, files = groups.dump(fitted.tables)
    document = _document(fitted, said)
    return jsons.text(document | {"checksum": envelope.checksum(document)}), files


def content(fitted: Fitted) -> str:
    """Return the checksum of what was fitted, whenever and by whichever run."""
    return envelope.checksum(_timeless(_document(fitted, groups.dump(fitted.tables)[0])))


def content_of(data: bytes, name: str = "artifact") -> str:
    """Return :func:`content` of an artifact's bytes. Raises :class:`DataError` (65) if they are damaged."""
    with envelope.worded(name):
        document = envelope.opened(data)
        del document["checksum"]
        return envelope.checksum(_timeless(document))


def _no_files(name: str) -> bytes:
    raise DataError("ARTIFACT_INVALID", f"expected the file {name:.80} beside the artifact, found none")


def load(data: bytes, name: str = "artifact", read: Callable[[str], bytes] = _no_files) -> Fitted:
    """Read an artifact, without running any code in it. Raises :class:`DataError` (65) that says what is wrong.

    ``read`` returns the content of a file beside it.
    """
    with envelope.worded(name):
        return reading.fitted(envelope.opened(data), read)


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"provenance": origin.without_run(document["provenance"])}


def _document(fitted: Fitted, said: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the artifact without its checksum; ``said`` are its statistics by group."""
    document: dict[str, Any] = {
        "format": envelope.FORMAT,
        "format_version": envelope.FORMAT_VERSION,
        "rows": fitted.rows,
        "provenance": dict(fitted.provenance),
        "columns": [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in fitted.columns],
        "stats": {name: stats.to_dict() for name, stats in fitted.stats.items()},
        "steps": [_step(planned, held) for planned, held in zip(fitted.steps, fitted.maps, strict=True)],
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


def _step(planned: PlannedStep, held: Iterable[Map]) -> dict[str, Any]:
    return {
        "step": planned.step.to_dict(),
        "inputs": _columns(planned.inputs),
        "outputs": list(planned.outputs),
        "maps": [groups.whole_of(map_) for map_ in held],
    } | ({"keys": _columns(planned.keys)} if planned.keys else {})


def _columns(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [{"path": list(column.path), "type": column.type} for column in columns]
