"""Stored statistics of a table's partitions: an append-only log of commits, and Parquet files that it names.

``<uri>/commits/00000001.json``, ``00000002.json``, ... Each is written once, by a conditional create (put if absent):
of two runs that commit at once, one wins and the other reads again. What all commits up to the newest one say together
is the state. Every 16th commit, and that of a compaction, says all of it, so that reading goes back no further.
A commit is canonical JSON (UTF-8, keys sorted)::

    {
      "format": "sparkscale-states",  "format_version": 1,
      "checksum": "sha256:<hex>",       of the document without this key, keys sorted, no white space
      "whole": false,                   whether it says all that there is, so that earlier commits don't matter
      "by": [{"name": "month", "type": "string"}],                 the key columns: string, integer or date
      "pipeline": {"weight": null, "sketch": "needed", "columns": [...], "steps": [...]},      null: as before
      "files": [{"name": "data/<32 hex>.parquet", "size": 8123, "sha256": "<hex>", "features": {"distance": false}}],
      "partitions": [{                  each replaces what earlier commits say of this key
        "key": ["2013-02"], "rows": 24951, "fingerprint": "<hex>", "reading": "<hex>",
        "files": ["data/<32 hex>.parquet"], "commit": 1,
        "dropped": false
      }],
      "removed": [["2012-01"]]
    }

A feature is true where its sketches are kept. Of two files of a partition that have a feature, the later one counts.
``fingerprint`` stands for the content of the partition, ``reading`` for how it was read: format, conditions, options,
weight. A partition that is dropped keeps its fingerprint, so that it's not read again until it changes.

Positions of an array column are features such as ``vector.0``. A step over them has ``lengths``: how long the arrays of
each of its inputs are. The feature of all elements has the name of the column, and its counts are those of elements.

A data file has a row for each partition and feature: the key columns under their own names (with ``_`` behind a name
that is one of those that follow), ``feature``, the counts ``rows nulls nans posinf neginf finite`` (int64), the numbers
``min max mean mean_lo m2`` (double, null without a finite value), ``exp`` (int32), ``sketch`` (binary: a DataSketches
KLL sketch of doubles, null if none was asked for) and, if the rows were weighted, ``weight_nulls weight_nans
weight_posinf weight_neginf weight_finite`` (double). The mean is ``mean + mean_lo * 2**exp``; the variance
``m2 * 4**exp / finite``, or with weights ``m2 * 4**exp / weight_finite``.
"""
