"""The only builder of a SparkSession. A session that is already running is used unchanged and not stopped."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkscale.config.models import Spark
from sparkscale.doctor import has_java, java_problem
from sparkscale.errors import UnfitEnvironmentError
from sparkscale.spark.session import kept, lakes, reach
from sparkscale.spark.session.failures import translated, word_once
from sparkscale.spark.session.quiet import quiet

#: A setting of PySpark's own, which it asks every engine for: a stack trace for every column built, half of planning.
_CLIENT = {"spark.python.sql.dataFrameDebugging.enabled": "false"}
#: Settings of sessions that we start, each with its reason; a job file's `spark.conf` goes over them.
_DEFAULTS = {
    **_CLIENT,
    "spark.sql.parquet.compression.codec": "zstd",  # no slower than snappy here, 7 % smaller
    "spark.hadoop.parquet.page.verify-checksum.enabled": "true",  # a flipped bit is an error, never another number
    # HotSpot compiles no method of more than 8,000 bytes: a softmax over 60 scores then takes twice as long, a z-score
    # of 90 columns four times, as in the smaller methods that Spark makes with this limit.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    "spark.ui.showConsoleProgress": "false",  # the command shows its own, and Spark's goes by no lines
}
#: Settings on which the values of a table depend. In a session that exists already, a job sets them too, and restores
#: them afterwards. The first ones differ from Spark's defaults; the others guard against a session that changed them.
_VALUES = {
    "spark.sql.session.timeZone": "UTC",  # in text and in partitions' names: the same job, the same output everywhere
    # INT96, the default, has no time zone, and other readers wrap it around outside of 1677 to 2262.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",  # zip=00501 is not 501
    "spark.sql.timeType.enabled": "true",  # else a TIME column cannot even pass through
    "spark.sql.files.ignoreCorruptFiles": "false",  # a damaged file is an error, never silently fewer rows
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.ansi.enabled": "true",  # a cast that fails is an error, never a null
    "spark.sql.sources.validatePartitionColumns": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",  # a timestamp without zone is one
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
}
_LOG = Path(__file__).with_name("log4j2.properties").absolute()
#: Settings of local sessions only; on a cluster they are the operator's.
_LOCAL = {
    "spark.ui.enabled": "false",  # a batch of its own has nobody to look at it
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",  # our shuffles hold one small row for each partition and column
    # The command reports failures, once; without this Spark prints a page of its own at every start.
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG.as_uri()}",
    "spark.connect.grpc.binding.address": "127.0.0.1",  # of the server behind `remote: local[2]`
}
_UNWATCHED: AbstractContextManager[object] = contextlib.nullcontext()


@contextlib.contextmanager
def session(
    config: Spark,
    name: str,
    *,
    formats: Collection[str] = (),
    debug: bool = False,
    watch: Callable[[SparkSession], AbstractContextManager[object]] = contextlib.nullcontext,
) -> Iterator[SparkSession]:
    """Give the active session, or start one for the length of the block.

    Args:
        config: of the session, from the job file.
        name: of the job.
        formats: that the job reads and writes; Spark fetches the packages of those that it does not have.
        debug: whether Spark's own log is shown.
        watch: entered with a session that we started, left before it stops; one that is there already is left alone.

    Raises:
        UnfitEnvironmentError: (69) where no engine can be started.
    """
    active, shared = SparkSession.getActiveSession(), kept.current()
    if active is not None:
        ours = shared is not None and shared.started
        values = {key: value for key, value in _VALUES.items() if key not in config.conf}
        with contextlib.nullcontext() if ours else _settled(active, values), watch(active) if ours else _UNWATCHED:
            yield active
        return
    with contextlib.ExitStack() as own:
        stack = own
        if shared is not None:
            stack, formats, shared.started = shared.stack, {*formats, *shared.formats}, True
        spark = _begun(config, name, formats, stack, debug=debug)
        own.enter_context(watch(spark))
        yield spark


def _begun(
    config: Spark, name: str, formats: Collection[str], stack: contextlib.ExitStack, *, debug: bool
) -> SparkSession:
    """Start or connect to the engine that the job file asks for; it stops with the stack."""
    engine = choose(config)
    with translated("starting the engine"):
        if engine == "sail":
            return stack.enter_context(_sail(config))
        if config.remote and not config.remote.startswith("local"):
            spark = _connected(config, name)
        else:
            spark = _started(config, name, formats, stack, debug=debug)
        stack.callback(_stop, spark)
        return spark


def _stop(spark: SparkSession) -> None:
    """Stop a session; one whose engine has ended fails at that, which would hide why it ended."""
    with contextlib.suppress(PySparkException, Py4JError, ConnectionError):
        spark.stop()


@contextlib.contextmanager
def _settled(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Set settings of a session for the length of the block; a setting that an engine lacks does no harm."""
    before = {key: spark.conf.get(key, None) for key in settings}
    changed = {key: value for key, value in settings.items() if before[key] != value}
    for key, value in changed.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        with contextlib.suppress(PySparkException, Py4JError):  # of a session that has died meanwhile
            for key in changed:
                was = before[key]
                if was is None:
                    spark.conf.unset(key)
                else:
                    spark.conf.set(key, was)


def choose(config: Spark) -> str:
    """Return ``spark`` or ``sail``: what the job file says, else Spark where there is Java."""
    if config.engine != "auto":
        return config.engine
    if config.remote or config.master or _submitted() or has_java():
        return "spark"
    if importlib.util.find_spec("pysail"):
        return "sail"
    lack = java_problem()
    cause = (
        f"expected Java 17 or 21 for Spark, or the package pysail, found neither{f' ({lack.cause})' if lack else ''}"
    )
    raise UnfitEnvironmentError("ENV_ENGINE", cause, "install one of them; run `sparkscale doctor` for details")


def is_connect(spark: SparkSession) -> bool:
    """Whether a session speaks Spark Connect's protocol, as Sail's does: it has no ``sparkContext`` and no JVM."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


@functools.cache
def is_sail(spark: SparkSession) -> bool:
    """Whether a session's engine is Sail, which speaks Spark Connect but has no ``observe`` and no artifacts.

    Asked by analysing a plan that Sail does not know; no job is started.
    """
    if not is_connect(spark):
        return False
    if spark not in _SAIL:
        _SAIL[spark] = _knows_no_observe(spark)
    return _SAIL[spark]


#: What sessions have answered; each column of a wide table asks.
_SAIL: WeakKeyDictionary[SparkSession, bool] = WeakKeyDictionary()


def _knows_no_observe(spark: SparkSession) -> bool:
    try:
        spark.range(1).observe("sparkscale", F.count(F.lit(1))).schema  # noqa: B018 - asks the engine
    except PySparkException:
        return True
    return False


def _submitted() -> bool:
    """Whether this process was started by spark-submit, which has chosen master and settings."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _connected(config: Spark, name: str) -> SparkSession:
    """Connect to a Spark Connect server that is there already."""
    assert config.remote  # noqa: S101 - the caller has seen to it
    reach.check_server(config.remote, config.connect_timeout)
    return _configured(
        SparkSession.builder.remote(config.remote), _settings(config, name, _CLIENT | _VALUES)
    ).getOrCreate()


def _started(
    config: Spark, name: str, formats: Collection[str], stack: contextlib.ExitStack, *, debug: bool
) -> SparkSession:
    """Start Spark, or a Spark Connect server of our own for ``remote: local[2]``; or take spark-submit's."""
    settings = _settings(config, name, _DEFAULTS | _VALUES)
    if not _submitted():
        if lack := java_problem():
            raise UnfitEnvironmentError(lack.code, lack.cause, f"{lack.hint}; or set spark.engine: sail")
        master = config.remote or config.master or "local[*]"
        encrypted = settings.get("spark.ssl.rpc.enabled", settings.get("spark.ssl.enabled")) == "true"
        reach.check_master(master, config.connect_timeout, encrypted=encrypted)
        if master.startswith("local"):
            os.environ["PYSPARK_PYTHON"] = sys.executable  # else workers take the python3 of the PATH
            settings = _LOCAL | settings
        settings |= lakes.settings({*formats, *lakes.of_catalogs(settings)}, pyspark.__version__, settings)
        _keep_out_of_the_way(settings, stack)
        for where in ("driver", "executor"):  # Spark reads ORC's times in the zone of its JVMs
            _add_java_option(settings, where, "-Duser.timezone=UTC")
        settings["spark.remote" if config.remote else "spark.master"] = master
        settings |= {"spark.log.level": "WARN"} if debug else {}
    word_once()
    with _interruptible(), quiet(debug=debug), warnings.catch_warnings():
        # A Connect client sets every setting once more, and warns of those that are fixed when its server starts.
        warnings.filterwarnings("ignore", "Failed to set", UserWarning)
        try:
            return _configured(SparkSession.builder, settings).getOrCreate()
        except (Py4JError, PySparkException) as error:  # Spark has asked the master three times, and stopped itself
            if "stopped SparkContext" not in str(error):
                raise
            master = settings.get("spark.master", "the master")
            raise reach.unreachable(master, reach.NO_SPARK) from error


def _keep_out_of_the_way(settings: dict[str, str], stack: contextlib.ExitStack) -> None:
    """Put what Spark would make in the working folder into one that goes with the session: tables, Hive's database."""
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="sparkscale-", ignore_cleanup_errors=True))
    settings.setdefault("spark.sql.warehouse.dir", f"{scratch}/warehouse")
    _add_java_option(settings, "driver", f"-Dderby.system.home={scratch}")


def _add_java_option(settings: dict[str, str], where: str, option: str) -> None:
    """Add an option of a JVM, unless the user has given it."""
    key = f"spark.{where}.extraJavaOptions"
    given = settings.get(key, "")
    if option.partition("=")[0] not in given:
        settings[key] = f"{given} {option}".strip()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a start of Spark, and the run after it.

    A JVM that is abandoned while PySpark waits never ends, so it is killed. PySpark handles Ctrl-C itself and
    calls the JVM in the middle of another call, so that both fail; this prevents it.
    """
    from pyspark.core import context

    theirs = vars(context)["signal"]
    vars(context)["signal"] = SimpleNamespace(signal=lambda *_: None, SIGINT=signal.SIGINT)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        for frame, _ in traceback.walk_tb(interrupt.__traceback__):
            starting = frame.f_locals.get("proc")
            if isinstance(starting, subprocess.Popen):
                starting.kill()
        raise
    finally:
        vars(context)["signal"] = theirs


@contextlib.contextmanager
def _sail(config: Spark) -> Iterator[SparkSession]:
    """Start Sail's Connect server in this process and a session on it."""
    if importlib.util.find_spec("pysail") is None:
        cause = "expected the package pysail, found none"
        raise UnfitEnvironmentError("ENV_SAIL", cause, "pip install 'sparkscale[sail]'")
    os.environ.setdefault("RUST_LOG", "off")
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    # It takes a Parquet column whose statistics say min == max for a constant, and its NaN for that number.
    os.environ["SAIL_EXECUTION__COLLECT_STATISTICS"] = "false"
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    with contextlib.ExitStack() as stack:
        interrupt = signal.getsignal(signal.SIGINT)
        server.start(background=True)
        stack.callback(server.stop)
        _, port = server.listening_address
        builder = SparkSession.builder.remote(f"sc://127.0.0.1:{port}")
        zone = {key: value for key, value in _VALUES.items() if key.endswith("timeZone")}  # it knows none of the others
        given = {key: str(value) for key, value in config.conf.items()}
        spark = _configured(builder, _CLIENT | zone | given).getOrCreate()
        stack.callback(spark.stop)
        spark.version  # noqa: B018 - a server that has answered once has taken Ctrl-C for itself, and would go by it
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)
        cast("Any", spark).client.set_retry_policies([])  # no waiting brings back a server of this process
        try:
            yield spark
        except KeyboardInterrupt:
            stack.pop_all()  # in the middle of Python work it may wait forever; it ends with the process
            raise


def _settings(config: Spark, name: str, defaults: dict[str, str]) -> dict[str, str]:
    given = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in config.conf.items()}
    return {**defaults, "spark.app.name": config.app_name or name, **given}


def _configured(builder: SparkSession.Builder, settings: dict[str, str]) -> SparkSession.Builder:
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder
