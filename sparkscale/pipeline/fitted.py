"""Fitted = steps with their columns + statistics + maps: what a fit learned, and what a transform needs."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast

from numpy.typing import ArrayLike

from sparkscale.errors import InverseWarning, SchemaDriftWarning, counted
from sparkscale.maps import ColumnMap, Elements, Map, RowMap
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline import arrays, audit, inverse, row_steps
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import applied
from sparkscale.pipeline.arguments import of_spark
from sparkscale.pipeline.groups import Groups, key_fits, small_groups
from sparkscale.pipeline.looking import Look
from sparkscale.pipeline.plan import Plan, output_names
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Field, Schema, decimal_of, is_of
from sparkscale.pipeline.schema_drift import DEFAULT, Policy, bind
from sparkscale.pipeline.shown import notebook
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.table import StatsTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkscale.monitor.rows import Drift
    from sparkscale.monitor.thresholds import Levels

#: Who applies the maps on Spark; see :meth:`Fitted.transform`.
Engine = Literal["auto", "native", "arrow", "pandas"]


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline: immutable, mergeable, the same numbers in every engine.

    Attributes:
        steps: the steps with the columns that they found.
        columns: all top-level columns of the table that it was fitted on, in their order.
        stats: by feature name, the :class:`~sparkscale.stats.column.ColumnStats` of the fit.
        maps: for each step its maps, one an output, or one for a row step.
        rows: how many rows the fit saw, without those of weight 0; None if no step needed a scan (row steps only).
        provenance: where the numbers come from: versions, engine, inputs; once saved, ``run`` with the time of the
            fit in UTC and, of a job, the id of its run.
    """

    steps: tuple[PlannedStep, ...]
    columns: tuple[Field, ...]
    stats: Mapping[str, ColumnStats]
    maps: tuple[tuple[Map, ...], ...]
    rows: int | None
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)
    #: What scalers that looked again have seen, with which :func:`sparkscale.merge` solves them again.
    looks: tuple[Look, ...] = ()
    #: The column that weighed the rows of the fit; None if all counted the same. A transform does not need it.
    weight: str | None = None
    #: By the number of its step from 1, what the fit of a temperature has found. A transform does not need its labels.
    calibrations: Mapping[int, Calibration] = field(default_factory=dict)
    #: For each key by which steps group, the statistics of their features by group.
    tables: Mapping[tuple[str, ...], StatsTable] = field(default_factory=dict)

    @property
    def applications(self) -> Iterator[Application]:
        """Every map with its columns: a column map for each column, of a row step its map and its facts of rows."""
        for number, (planned, maps) in enumerate(zip(self.steps, self.maps, strict=True), 1):
            dtype = planned.step.dtype
            if planned.step.by_row:
                yield from row_steps.applications(planned, cast("RowMap", maps[0]), number)
                continue
            groups = Groups(self.tables[planned.by].keys, planned.keys) if planned.by else None
            for map_, column, output in zip(maps, itertools.cycle(planned.inputs), planned.outputs, strict=False):
                by, arrays_ = groups if isinstance(map_, ByGroup) else None, isinstance(map_, Elements)
                yield Application(map_, (column,), (output,), dtype, arrays_, number=number, groups=by)

    @property
    def features(self) -> dict[str, Column]:
        """By name, the columns and the parts of array columns that have statistics."""
        return {column.name: column for column in _features(self.steps)}

    @property
    def warnings(self) -> list[str]:
        """What a user should know about the fit: inexact integers, constant features, temperatures at a bound."""
        out = []
        features = self.features
        for name, stats in self.stats.items():
            if rounded := _rounded(features[name].type, stats):
                out.append(f"column {name!r} holds {rounded}, which a double rounds")
            if stats.constant:
                out.append(f"column {name!r} is constant ({stats.min!r}): it is shifted and not scaled")
        for number, found in self.calibrations.items():
            if found.warning:
                out.append(f"step {number} ({self.steps[number - 1].step.kind}): {found.warning}")
        for planned in self.steps:
            if key := planned.by:
                out += small_groups(planned, self.tables[key])
        return out

    def get_feature_names_out(self) -> list[str]:
        """Return the names that the steps write, in the steps' order."""
        return [name for step in self.steps for name in step.outputs]

    def plan(self, schema: Schema, policy: Policy = DEFAULT, source: str = "the input") -> Plan:
        """Return the plan for a table of another schema; see :func:`sparkscale.pipeline.schema_drift.bind`."""
        return bind(self.steps, self.columns, schema, policy, source)

    def on(self, planned: Plan) -> Fitted:
        """Return a copy with the columns of the table that it was planned for, under their names there."""
        pairs = zip(_features(self.steps), _features(planned.steps), strict=True)
        names = {ours.name: theirs.name for ours, theirs in pairs}
        stats = {names[name]: known for name, known in self.stats.items()}
        looks = tuple(replace(look, feature=names[look.feature]) for look in self.looks)
        tables = {key: table.renamed(names) for key, table in self.tables.items()}
        return replace(self, steps=planned.steps, columns=planned.schema.top, stats=stats, looks=looks, tables=tables)

    def transform(self, df: DataFrame, engine: Engine = "auto") -> DataFrame:
        """Apply the maps to a PySpark DataFrame; lazy, no job is started.

        Other columns, the order of columns and nulls are kept; outputs are double, or float32 on request.

        Args:
            df: a table with the columns of the fit.
            engine: all give the same numbers. ``native``: Spark's own expressions. ``arrow``: the NumPy kernels in
                Spark's Python workers, by an Arrow UDF (Spark 4.1 and newer). ``pandas``: the same by a pandas UDF.
                ``auto``: native if a map has a native form and reads at most 128 columns, else arrow if
                Spark has it, else pandas.

        Raises:
            DataError: if the schema does not fit.
            ConfigError: if a map has no native form and the engine is ``native``.
            UnfitEnvironmentError: if this Spark has no Arrow UDFs and the engine is ``arrow``.

        Warns:
            SchemaDriftWarning: of types that are narrower than in the fit, or others.
        """
        from sparkscale.spark import columns
        from sparkscale.spark.transform import transform

        planned = self.plan(columns.schema_of(of_spark(df)))
        for warning in planned.warnings:
            warnings.warn(warning, SchemaDriftWarning, stacklevel=2)
        return transform.transform(df, self.on(planned), engine)

    def inverse_transform(self, df: DataFrame, engine: Engine = "auto") -> DataFrame:
        """Turn the outputs of column maps back into the features they came from; lazy.

        The feature replaces an output that was written under another name (``into``). Row maps have no inverse;
        their columns stay. Values that a clip has cut come back as the end of the fitted range. For ``engine`` see
        :meth:`transform`.

        Warns:
            InverseWarning: of columns that keep what a map without an inverse, such as softmax, has put in their place.
        """
        from sparkscale.spark.transform import transform

        _warn(inverse.kept(self, of_spark(df).columns))
        return transform.inverse_transform(of_spark(df), self, engine)

    def transform_arrays(self, columns: Mapping[str, ArrayLike]) -> dict[str, Any]:
        """Apply the maps to a dict of arrays, with NumPy only.

        Args:
            columns: by name, 1-D arrays of one length (NumPy, lists, pandas, pyarrow, Polars); an array column
                is ``(rows, k)``, or holds rows of any length. A null is a masked element (``numpy.ma``), a null of
                pandas, pyarrow or Polars, or None; NaN is NaN. Other columns pass through as the same objects.

        Returns:
            a dict in the order of the table's result; arrays with a null are masked arrays.
        """
        table, given = arrays.table(columns), dict(columns.items())
        self._check_arrays(table)
        made: dict[str, Any] = {}
        for item in self.applications:
            made |= applied(item, table)
        return {name: made.get(name, given.get(name)) for name in output_names(given, self.steps)}

    def audit_arrays(self, columns: Mapping[str, ArrayLike]) -> audit.Audit:
        """Count what :meth:`transform_arrays` meets: nulls, NaN, infinities, clipped and undefined values.

        A job counts the same in the pass that writes its output. A value is *undefined* if the map has no result for
        it, such as log1p of -1; else it is *clipped low* or *high* if a clip gives it an end in place of a number
        beyond. In a chain, any stage may do either. A row of an array counts if any of its elements does. Nothing is
        transformed; ``undefined: error`` raises nothing here.

        Args:
            columns: as for :meth:`transform_arrays`.

        Returns:
            the rows, and for each map its step, outputs and counts in rows.
        """
        table = arrays.table(columns)
        self._check_arrays(table)
        return audit.of_arrays(self, table)

    def _check_arrays(self, table: Mapping[str, Any]) -> None:
        """Refuse arrays that the steps cannot be applied to."""
        read = [column for planned in self.steps for column in planned.read]
        types = {c.name: c.type for planned in self.steps for c in planned.keys if key_fits(table.get(c.name), c.type)}
        self.plan(arrays.schema_of(table, read, types), source="the arrays")

    def inverse_transform_arrays(self, columns: Mapping[str, ArrayLike]) -> dict[str, Any]:
        """Invert a dict of arrays; see :meth:`inverse_transform`."""
        table, given = arrays.table(columns), dict(columns.items())
        names = list(table)
        _warn(inverse.kept(self, names))
        made: dict[str, Any] = {}
        for item in inverse.restorations(self, names):
            made |= applied(item, table)
        return {name: made.get(name, given.get(name)) for name in inverse.restored_names(self, names)}

    def drift(
        self,
        baseline: Fitted,
        *,
        thresholds: Mapping[str, Levels] | None = None,
        columns: Mapping[str, Mapping[str, Levels]] | None = None,
        min_rows: int = 100,
    ) -> Drift:
        """Compare the statistics of this fit with those of a baseline; a list of rows, those furthest over first.

        Measures of distributions need quantile sketches of both fits: ``pipeline.fit(df, sketch="all")``.

        Args:
            baseline: a fit of the same features.
            thresholds: by measure, what differs from its defaults: ``{"psi": {"warn": 0.2}, "ks": "off"}``.
            columns: the same for the features that a name or pattern chooses: ``{"*_delay": {"ks": "off"}}``.
            min_rows: a feature with fewer rows, or finite values, on either side is measured and not judged.

        Raises:
            DataError: (65) naming the features that the baseline lacks.
            ConfigError: (78) for a measure that does not exist, or a threshold that is no number.
        """
        from sparkscale.monitor import drift
        from sparkscale.monitor import thresholds as limits

        return drift.compare(self.stats, baseline.stats, limits.Limits(thresholds or {}, columns or {}, min_rows))

    def save(self, uri: str | os.PathLike[str]) -> int:
        """Save this artifact as the next version in the store at ``uri``, and return the version's number.

        If the newest version already holds the same fit, its number is returned.
        """
        from sparkscale.artifact import store

        return store.save(self, uri)

    def __repr__(self) -> str:
        """Return one line a map."""
        head = f"Fitted on {self._rows}, {counted(len(self.steps), 'step')}"
        return "\n".join([head, *(f"  {self.steps[i.number - 1].step.kind}: {i.label}" for i in self.applications)])

    def _stats_of(self, item: Application) -> ColumnStats | None:
        """Return the statistics that a column's map was solved from; a row map has none."""
        return self.stats.get(item.inputs[0].name) if isinstance(item.map, ColumnMap) else None

    @property
    def _rows(self) -> str:
        weighted = "" if self.weight is None else f" weighted by {self.weight!r}"
        return "no rows (row steps need none)" if self.rows is None else counted(self.rows, "row") + weighted

    def _repr_html_(self) -> str:
        rows = ((self.steps[item.number - 1].step.kind, item.label, self._stats_of(item)) for item in self.applications)
        return notebook(f"Fitted on {self._rows}", rows)


def _warn(kept: Iterable[str]) -> None:
    """Warn of what an inverse leaves unchanged, where :class:`Fitted` was called."""
    for warning in kept:
        warnings.warn(warning, InverseWarning, stacklevel=3)


def _rounded(type_: str, stats: ColumnStats) -> str:
    """Name the numbers of a column that a double may not tell apart: where doubles are further apart than they are."""
    scale = (decimal_of(type_) or (0, 0))[1]
    exact = is_of(type_, "integer") or is_of(type_, "decimal")
    top = max(abs(stats.min), abs(stats.max))
    if not exact or not math.isfinite(top) or Fraction(math.ulp(top)) * 10**scale <= 1:
        return ""
    return "decimals of 16 or more digits" if scale else "integers beyond 2^53"


def _features(steps: Iterable[PlannedStep]) -> list[Column]:
    return [column for step in steps for own in step.features for column in own]
