"""Partitions of a DataFrame for an update: which there are, with their fingerprints, and their statistics."""

from __future__ import annotations

import contextlib
import io
import operator
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.artifact.states.keys import By, Key, Value
from sparkscale.artifact.states.lengths import Lengths
from sparkscale.artifact.states.source import Source, digest
from sparkscale.errors import ConfigError
from sparkscale.formats import folders
from sparkscale.formats.folders import File
from sparkscale.pipeline.arguments import of_spark
from sparkscale.pipeline.looking import Answer, RowAnswer
from sparkscale.pipeline.pipeline import Pipeline
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Column
from sparkscale.places import is_local, local_path
from sparkscale.spark.columns import balanced, ref, schema_of
from sparkscale.spark.fit import behind, elements, fitting, keyed_elements, losses, weighing
from sparkscale.spark.session.session import is_sail
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import K

#: Above so many partitions of several key columns, a filter names the values of each column by itself.
_EXACT = 1000
_NUMBER = re.compile(r"#\d+L?")
#: How a plan of Spark, and one of Sail, names files whose types and nulls are the reader's.
_TEXT = re.compile(r"\bRelation .*\] (csv|json|text|xml)$|\bfile_type=(csv|json|text)\b", re.MULTILINE)


@dataclass(frozen=True)
class PartitionReader:
    """Measures partitions of a DataFrame: one grouped query over those that are asked for, and no others."""

    df: DataFrame
    plan: Plan
    by: By
    reproducible: bool = True
    #: The accuracy of quantile sketches.
    k: int = K

    def lengths(self, keys: Collection[Key] | None) -> Mapping[Key, Lengths]:
        """Return by partition the number of rows, and how long the arrays are; rows of weight 0 are absent."""
        return keyed_elements.lengths(self._used(keys), self.plan.by_position, self._keys)

    def measured(self, lengths: Mapping[str, int]) -> PartitionReader:
        """Return a reader that knows the lengths of arrays."""
        return replace(self, plan=self.plan.measured(lengths))

    def measure(
        self, keys: Collection[Key] | None, features: Collection[str]
    ) -> Mapping[Key, Mapping[str, ColumnStats]]:
        """Return the statistics of features by partition; one without rows is left out."""
        wanted = {name: column for name, column in self.plan.features.items() if name in features}
        sketched = self.plan.quantile_features & wanted.keys()
        if self.plan.weight is not None:
            return self._weighted(keys, wanted)
        found = keyed_elements.measure(self._used(keys), wanted, self._keys, sketched, self.k)
        return {key: found[key] for key in found if keys is None or key in keys}

    def answer(self, keys: Sequence[Key]) -> Answer:
        """Return what looks at some partitions again, by scans of all their rows."""
        return elements.answers(self.rows(keys), self.plan.features, self._look, self.plan.weight_column)

    def losses(self, keys: Sequence[Key]) -> RowAnswer:
        """Return what looks at the labelled rows of some partitions, by scans of all of them."""
        return losses.Labelled(self.rows(keys), self.plan).losses

    def rows(self, keys: Collection[Key]) -> DataFrame:
        """Return the rows of partitions, by a filter on their columns, which an engine applies before it reads."""
        return self.df.where(condition(self.by, keys))

    def _weighted(
        self, keys: Collection[Key] | None, features: Mapping[str, Column]
    ) -> dict[Key, dict[str, ColumnStats]]:
        """Measure partition by partition: there is no grouped query of weighted statistics."""
        if keys is None:
            rows = self.df.select(*[ref(name) for name in self.by.names]).distinct().collect()
            keys = [tuple(row) for row in rows]
        weight = self.plan.weight_column
        found = {key: elements.measure(self.rows([key]), features, frozenset(), self._look, weight) for key in keys}
        return {key: stats for key, stats in found.items() if any(one.rows for one in stats.values())}

    def _used(self, keys: Collection[Key] | None) -> DataFrame:
        """Return the rows of partitions without those of weight 0."""
        df, weight = self.df if keys is None else self.rows(keys), self.plan.weight_column
        return df if weight is None else weighing.weighted_rows(df, weight)

    @property
    def _look(self) -> behind.Measure:
        """What measures columns over all rows."""
        weight = self.plan.weight_column
        if weight is None:
            return partial(fitting.measure, reproducible=self.reproducible)
        return partial(weighing.measure, weight=weight, reproducible=self.reproducible)

    @property
    def _keys(self) -> list[Column]:
        return [self._column(name) for name in self.by.names]

    def _column(self, name: str) -> Column:
        column = self.plan.schema.find(name)
        assert column is not None  # noqa: S101 - the key was made of this schema
        return column


def condition(by: By, keys: Collection[Key]) -> SparkColumn:
    """Return the condition for being in one of these partitions."""
    if not keys:
        return F.lit(False)  # noqa: FBT003 - a literal
    if len(by.columns) == 1 or len(keys) > _EXACT:
        columns = zip(*keys, strict=True)
        return _all([_among(ref(name), set(values)) for name, values in zip(by.names, columns, strict=True)])
    whole: dict[Key, set[Value]] = {}
    for *before, last in keys:
        whole.setdefault(tuple(before), set()).add(last)
    names = [ref(name) for name in by.names]
    return balanced(
        operator.or_,
        [
            _all(
                [*(_among(ref_, {value}) for ref_, value in zip(names, before, strict=False)), _among(names[-1], last)]
            )
            for before, last in whole.items()
        ],
    )


def _among(column: SparkColumn, values: set[Value]) -> SparkColumn:
    known = sorted((value for value in values if value is not None), key=str)
    rule = column.isin(*known) if known else None
    if None in values:
        return column.isNull() if rule is None else column.isNull() | rule
    assert rule is not None  # noqa: S101 - there is at least one value
    return rule


def _all(rules: Sequence[SparkColumn]) -> SparkColumn:
    return balanced(operator.and_, rules)


def of_frame(df: DataFrame, pipeline: Pipeline, by: Sequence[str], k: int = K) -> tuple[Source, PartitionReader]:
    """Return the partitions of a DataFrame, as its files' names tell them, and their reader.

    A DataFrame of anything but files on this machine, or of files that are not in folders of these columns, doesn't
    tell its partitions apart.
    """
    if not is_sail(of_spark(df).sparkSession) and df.isStreaming:
        raise ConfigError("CONFIG_VALUE", "update: expected a DataFrame that ends, found a stream", "use a batch")
    schema = schema_of(df)
    planned = plan(pipeline.steps, schema, "the input", pipeline.weight)
    keys = By.of(list(by), {field.name: field.type for field in schema.fields})
    reading = digest(_query(df), pipeline.weight)
    files = [_file(name) for name in df.inputFiles()]
    known = [file for file in files if file is not None]
    prints = folders.fingerprints(known, keys.names) if known and len(known) == len(files) else None
    found = None if prints is None else {keys.of_texts(texts): one for texts, one in prints.items()}
    if found is None:
        reading = digest(
            reading, folders.digest(f"{one.name}\0{one.state}" for one in known) if all(files) and files else _never()
        )
    return Source(keys, found, reading), PartitionReader(df, planned, keys, k=k)


def _file(name: str) -> File | None:
    """Return a file of a DataFrame with its size and time; None where it is not on this machine."""
    if not is_local(name):
        return None
    place = unquote(local_path(name))
    try:
        known = Path(place).stat()
    except OSError:
        return None
    return File(place, f"{known.st_size}\0{known.st_mtime_ns}")


def _query(df: DataFrame) -> str:
    """Return the query of a DataFrame without its files: as Spark explains it, without the numbers of columns.

    Sail names columns by their places alone, which are the same each time. Of text, what is read depends on options of
    the reader, such as another name for null, and no engine explains them: such a query equals none.
    """
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        df.explain(extended=True)
    analyzed = out.getvalue().partition("== Analyzed Logical Plan ==")[2].partition("== Optimized")[0]
    if _TEXT.search(out.getvalue()):
        analyzed += _never()
    named = analyzed if is_sail(of_spark(df).sparkSession) else _NUMBER.sub("", analyzed)
    lines = named.strip().splitlines()[1:]
    return "\n".join(line for line in lines if "Relation " not in line)


def _never() -> str:
    """Return what equals nothing, so that all is read each time."""
    import secrets

    return secrets.token_hex(8)
