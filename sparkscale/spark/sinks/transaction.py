"""A run is a transaction on its target: begin, write, commit; or abort, and nothing has changed.

Example::

    with begin(output, run, engine) as sink:  # claims the target; starts the engine where it is needed
        if sink.unchanged is None:            # else this run is published already
            sink.write(df)
            check(...)                        # whatever may refuse
            sink.commit(record)               # the only moment at which anything becomes visible
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import AbstractContextManager

from pyspark.sql import SparkSession

from sparkscale.config.data import Output
from sparkscale.errors import ConfigError
from sparkscale.publish.runs import Run
from sparkscale.spark import sinks
from sparkscale.spark.sinks import base, table
from sparkscale.spark.sinks.base import Sink

for _found in pkgutil.iter_modules(sinks.__path__, f"{sinks.__name__}."):  # each file of the package registers its own
    if _found.name != __name__:
        importlib.import_module(_found.name)


@contextlib.contextmanager
def begin(output: Output, run: Run, engine: AbstractContextManager[SparkSession]) -> Iterator[Sink]:
    """Begin a run's transaction; a block that ends without a commit has changed nothing.

    A target at a path is claimed, and asked whether the run is published already, before an engine starts: where it
    says yes, none does. A table of a catalog is known to the engine alone.

    Raises:
        TemporaryError: (75) where another run writes to the same target,
        OutputError: (73), StorageError: (74), AccessError: (77) where the target refuses.
    """
    if output.table is None:
        with _begun(sink_of(output, output.path), run) as sink:
            if sink.unchanged is not None:
                yield sink
                return
            with engine as spark:
                sink.open(spark)
                yield sink
    else:
        with engine as spark, _begun(sink_of(*table.resolved(spark, output)), run) as sink:
            sink.open(spark)
            yield sink


def look(spark: SparkSession, output: Output) -> Sink:
    """Return the sink of an output, to look at it and not to write: nothing is claimed."""
    sink = sink_of(*(table.resolved(spark, output) if output.table is not None else (output, output.path)))
    sink.open(spark)
    return sink


def sink_of(output: Output, place: str | None) -> Sink:
    """Return the sink of a format and a place."""
    kinds = [kind for kind in base.REGISTRY if output.format in kind.formats and kind.takes(place)]
    if not kinds:
        cause = f"output: expected a place that {output.format} can be written to, found {output.name}"
        raise ConfigError("CONFIG_OUTPUT", cause, "choose another format or place")
    return kinds[0](output, place)


@contextlib.contextmanager
def _begun(sink: Sink, run: Run) -> Iterator[Sink]:
    with contextlib.ExitStack() as held:
        sink.begin(run, held)
        try:
            yield sink
        finally:
            if not sink.committed:
                sink.abort()
