"""Delta Lake. A table's log holds ``txn`` (sparkscale/<run id>) and, as ``userMetadata``, the run's record."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.config.tables import quoted, tick
from sparkscale.errors import ConfigError
from sparkscale.formats.registry import WRITTEN
from sparkscale.places import local_path
from sparkscale.publish.runs import Run
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sinks.lake import History, Lake, noted
from sparkscale.spark.sources.catalog import Described
from sparkscale.spark.sources.deltalog import metadata
from sparkscale.spark.sources.read import place_of, texts

_APP = "sparkscale/"
#: For a table in an object store: the engine is asked where it does not answer soon.
_PATIENCE = {"timeout": "10s", "connect_timeout": "5s", "max_retries": "1", "retry_timeout": "10s"}


class Delta(Lake, formats={"delta": WRITTEN["delta"]}):
    """A Delta table, at a path or in a catalog."""

    def open(self, spark: SparkSession) -> None:
        """Refuse a mode that Sail's Delta does not have."""
        if self.output.mode == "overwrite_partitions" and is_sail(spark):
            cause = "output.mode: Sail's Delta cannot replace single partitions; it would replace the whole table"
            raise ConfigError("CONFIG_MODE", cause, "set spark.engine: spark, output.format: parquet, or another mode")
        super().open(spark)

    @property
    def _address(self) -> str:
        if self.output.table is not None:
            return quoted(self.output.table)
        return f"delta.{tick(place_of(self.spark, self.output.path or '', whole=True))}"

    def _described(self) -> Described | None:
        path = self.output.local
        if path is not None and not any(Path(local_path(path), "_delta_log").glob("*.*")):
            return None
        if path is not None and is_sail(self.spark):  # which cannot describe a table at a path
            folder = Path(local_path(path)).absolute()
            return Described("delta", str(folder), tuple(metadata(folder)["partitionColumns"]))
        return super()._described()

    def _read(self, run: Run) -> History | None:
        """Read the log by the package `deltalake`, where there is one."""
        if importlib.util.find_spec("deltalake") is None:
            return None
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        path, options = local_path(self.output.path or ""), None if self.output.local is not None else _PATIENCE
        try:
            table = DeltaTable(path, storage_options=options)
            is_ours = table.transaction_version(_APP + run.id) is not None
            commits = [noted(commit.get("userMetadata")) for commit in reversed(table.history())]
        except TableNotFoundError:
            return []
        except (DeltaError, OSError, ValueError):  # a table of features that it lacks, a store that lets it not in
            return None
        history = [(run.id if is_ours and record.get("run_id") == run.id else "", record) for record in commits]
        gone = is_ours and not any(run_id for run_id, _ in history)  # its commit is cleaned up, its `txn` stays
        return [*([(run.id, {})] if gone else []), *history]

    def _history(self) -> History:
        """Read the log's own JSON, which Delta keeps for 30 days; what is older, its own check of ``txn`` knows."""
        known = self._described()
        if known is None or known.location is None or is_sail(self.spark):  # which keeps no `txn`
            return []
        log = self.spark.read.text(place_of(self.spark, f"{known.location}/_delta_log") + "/*.json")
        app, note = F.get_json_object("value", "$.txn.appId"), F.get_json_object("value", "$.commitInfo.userMetadata")
        commits: dict[str, dict[str, str]] = {}
        for row in log.select("_metadata.file_name", app.alias("app"), note.alias("note")).collect():
            commit = commits.setdefault(row["file_name"], {})
            commit |= {key: row[key] for key in ("app", "note") if row[key] is not None}
        return [_commit_of(commits[name]) for name in sorted(commits)]

    def _commit(self, df: DataFrame, record: str) -> None:
        mode, known = self.output.mode, self._described()
        options = {"userMetadata": record, **self._rows(), **texts(self.output.options)}
        if not is_sail(self.spark):
            # Delta accepts a version of an app once: right for an explicit id, while a digest may run again.
            version = "1" if self.run.given else str(time.time_ns() // 10**6)
            options |= {"txnAppId": _APP + self.run.id, "txnVersion": version}
        if mode == "overwrite":
            options["overwriteSchema"] = "true"
        if mode == "overwrite_partitions":
            # Not `replaceWhere`: that is a text of SQL, and has to know the partitions before they are written.
            options["partitionOverwriteMode"] = "dynamic"
        partition_by = self.output.partition_by or list(known.partition_by if known else ())
        writer = df.write.format("delta").mode("overwrite" if mode == "overwrite_partitions" else mode)
        writer = writer.options(**options).partitionBy(*partition_by)
        if self.output.table is not None and known is None:
            writer.saveAsTable(self._address)
        else:  # a table that is there is its log: over `saveAsTable`, Spark's catalog refuses some that it holds itself
            writer.save(place_of(self.spark, (known.location if known else None) or self.output.path or "", whole=True))

    def _rows(self) -> dict[str, str]:
        return {"maxRecordsPerFile": str(self.output.rows_per_file)} if self.output.rows_per_file else {}


def _commit_of(known: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    app = known.get("app", "")
    run_id = app.removeprefix(_APP) if app.startswith(_APP) else ""
    return run_id, noted(known.get("note") if run_id else None)
