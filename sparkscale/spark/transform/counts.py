"""The rows of a job, counted while they are written; and whether there are any that it can stand for."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JError
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from sparkscale.errors import DataError, counted
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.audit import Audit
from sparkscale.pipeline.fitted import Fitted
from sparkscale.report.tables import Report
from sparkscale.spark.columns import feature, ref
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.transform import native
from sparkscale.spark.transform.auditing import Counters
from sparkscale.spark.transform.masks import scores_of
from sparkscale.stats.column import ColumnStats

_PRESENT = "present_"
#: Seconds in which Spark hands over what it has observed, once it has written; as a rule it is milliseconds.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Counted:
    """A DataFrame that is counted while it is written.

    Attributes:
        df: what is to be transformed and written.
        judged: the counts that :func:`judge` needs: of the rows, and of the scores of row steps.
        audited: the counts of the audit, which may be the same; None without one.
        counters: of the audit.
    """

    df: DataFrame
    judged: Tally
    audited: Tally | None = None
    counters: Counters | None = None

    @classmethod
    def of(  # noqa: PLR0913 - two by position, the others by name
        cls,
        df: DataFrame,
        fitted: Fitted,
        *,
        apart: bool,
        rows: int | None,
        audit: Mapping[str, ColumnStats] | None,
        present: Collection[str] = (),
    ) -> Counted:
        """Count ``apart`` from writing what has to be judged before, but for what is known: the rows of the fit.

        Of the columns ``present``, the values that are not null are counted as well. The counters of an ``audit`` are
        always observed while the DataFrame is written, if the engine can; it is given the statistics that are known of
        this very DataFrame.
        """
        items = _row_items(fitted)
        wanted = [F.count(F.lit(1)).alias("rows"), *(c for item in items for c in _row_counts(item, df.sparkSession))]
        wanted += [F.count(ref(name)).alias(_PRESENT + name) for name in present]
        counters = None if audit is None else Counters.of(df, fitted, audit)
        columns = counters.columns if counters else []
        if is_sail(df.sparkSession):  # which observes nothing
            known = None if columns or items or not apart else rows
            tally = Tally(counters.rows if counters else df, [*wanted, *columns], rows=known)
            return cls(df, tally, tally if counters else None, counters)
        rows_beside = counters.rows if counters else df
        observed = Tally(rows_beside, columns if apart else [*wanted, *columns], Observation())
        judged = Tally(df, wanted, rows=None if items else rows) if apart else observed
        counted = observed.df if rows_beside is df else observed.df.select(*map(ref, df.columns))
        return cls(counted, judged, observed if counters else None, counters)

    def audit(self, *, observed: bool = True) -> Audit | None:
        """Return the audit, to be called when the DataFrame has been written; None without one.

        It takes a scan where what was ``observed`` cannot be relied on, as the DataFrame was written twice.
        """
        if self.counters is None or self.audited is None:
            return None
        counts = self.audited.counts if observed else self.audited.scanned()
        return self.counters.audit(counts, self.judged.counts["rows"])


@dataclass(frozen=True)
class Tally:
    """Counts of a DataFrame: observed while it is written, or by a scan of its own where that cannot be."""

    plain: DataFrame
    wanted: Sequence[SparkColumn]
    #: Of a name of its own: by one that is known already, Spark answers the first alone.
    observation: Observation | None = None
    #: Where that is known, and nothing else is asked.
    rows: int | None = None

    @functools.cached_property
    def df(self) -> DataFrame:
        """The DataFrame to write."""
        return self.plain.observe(self.observation, *self.wanted) if self.observation and self.wanted else self.plain

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """The counts; of what is observed to be asked for when the DataFrame has been written."""
        if self.rows is not None:
            return {"rows": self.rows}
        with translated("counting rows"):
            observed = _observed(self.observation) if self.observation and self.wanted else {}
        return observed or self.scanned()

    def scanned(self) -> Mapping[str, int]:
        """Return the counts by a scan."""
        if not self.wanted:
            return {}
        with translated("counting rows"):
            return self.plain.agg(*self.wanted).collect()[0].asDict()


def of_nulls(counts: Mapping[str, int]) -> list[str]:
    """Return the columns that were to be ``present``, and have no value but null."""
    if not counts["rows"]:
        return []
    return [key.removeprefix(_PRESENT) for key, count in counts.items() if key.startswith(_PRESENT) and not count]


def _observed(observation: Observation) -> dict[str, int]:
    """Return what was observed; nothing if Spark left the observation out.

    It does so if there are no rows, and for some ways to create a table. Then it would be waited for without an end.
    """
    found: dict[str, int] = {}

    def ask() -> None:
        with contextlib.suppress(Py4JError):  # an assertion of Spark's: it has no metrics to give
            found.update(observation.get)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return found


def _row_items(fitted: Fitted) -> list[Application]:
    """Return a map for each row step; a second one of a step is about the same rows."""
    return list({item.number: item for item in fitted.applications if item.map.by_row}.values())


def _row_counts(item: Application, spark: SparkSession) -> list[SparkColumn]:
    """Count the rows that hold a score at all, or are an empty array, and those for which the map is undefined."""
    cells = [feature(column, spark) for column in item.inputs if not item.over_array]
    array = F.array(*cells) if cells else scores_of(item, spark)
    scored = F.array_max(array).isNotNull() | (F.size(array) == 0)
    form = native.form_of(item.map)
    undefined = None if form is None else form.undefined(array)
    counted = {f"scored_{item.number}": scored} | ({} if undefined is None else {f"undefined_{item.number}": undefined})
    return [F.count(F.when(condition, 1)).alias(name) for name, condition in counted.items()]


def judge(counts: Mapping[str, int], fitted: Fitted, report: Report) -> None:
    """Stop before publishing where there are no rows to learn from, or a row step had no score to work on."""
    report.rows = counts["rows"]
    if not report.rows and report.command == "run":
        raise DataError("DATA_NO_ROWS", "expected rows in the input, found none", "check the input and its 'where'")
    if not report.rows:
        report.warnings.append("the input has no rows; the output is empty")
        return
    for item in _row_items(fitted):
        step = fitted.steps[item.number - 1].step
        label = f"step {item.number} ({step.kind})"
        if not counts[f"scored_{item.number}"] and step.empty == "error":
            names = ", ".join(repr(column.name) for column in item.inputs)
            raise DataError(
                "DATA_EMPTY",
                f"{label}: expected scores in {names}, found only nulls in {counted(report.rows, 'row')}",
                "leave the step out, or set empty: null",
            )
        if (undefined := counts.get(f"undefined_{item.number}")) is not None:
            report.undefined_rows[label] = undefined
