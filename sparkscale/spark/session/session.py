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
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from types import SimpleNamespace
from weakref import WeakKeyDictionary

import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkscale.config.models import Spark
from sparkscale.doctor import has_java, java_problem
from sparkscale.errors import UnfitEnvironmentError
from sparkscale.spark.session import kept, lakes, reach, sail
from sparkscale.spark.session.failures import translated, word_once
from sparkscale.spark.session.quiet import quiet
from sparkscale.spark.session.settings import CLIENT, DEFAULTS, LOCAL, VALUES, add_java_option, configured, merged

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
        values = {key: value for key, value in VALUES.items() if key not in config.conf}
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
            return stack.enter_context(sail.started(config))
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
    return configured(SparkSession.builder.remote(config.remote), merged(config, name, CLIENT | VALUES)).getOrCreate()


def _started(
    config: Spark, name: str, formats: Collection[str], stack: contextlib.ExitStack, *, debug: bool
) -> SparkSession:
    """Start Spark, or a Spark Connect server of our own for ``remote: local[2]``; or take spark-submit's."""
    settings = merged(config, name, DEFAULTS | VALUES)
    if not _submitted():
        if lack := java_problem():
            raise UnfitEnvironmentError(lack.code, lack.cause, f"{lack.hint}; or set spark.engine: sail")
        master = config.remote or config.master or "local[*]"
        encrypted = settings.get("spark.ssl.rpc.enabled", settings.get("spark.ssl.enabled")) == "true"
        reach.check_master(master, config.connect_timeout, encrypted=encrypted)
        if master.startswith("local"):
            os.environ["PYSPARK_PYTHON"] = sys.executable  # else workers take the python3 of the PATH
            settings = LOCAL | settings
        settings |= lakes.settings({*formats, *lakes.of_catalogs(settings)}, pyspark.__version__, settings)
        _keep_out_of_the_way(settings, stack)
        for where in ("driver", "executor"):  # Spark reads ORC's times in the zone of its JVMs
            add_java_option(settings, where, "-Duser.timezone=UTC")
        settings["spark.remote" if config.remote else "spark.master"] = master
        settings |= {"spark.log.level": "WARN"} if debug else {}
    word_once()
    with _interruptible(), quiet(debug=debug), warnings.catch_warnings():
        # A Connect client sets every setting once more, and warns of those that are fixed when its server starts.
        warnings.filterwarnings("ignore", "Failed to set", UserWarning)
        try:
            return configured(SparkSession.builder, settings).getOrCreate()
        except (Py4JError, PySparkException) as error:  # Spark has asked the master three times, and stopped itself
            if "stopped SparkContext" not in str(error):
                raise
            master = settings.get("spark.master", "the master")
            raise reach.unreachable(master, reach.NO_SPARK) from error


def _keep_out_of_the_way(settings: dict[str, str], stack: contextlib.ExitStack) -> None:
    """Put what Spark would make in the working folder into one that goes with the session: tables, Hive's database."""
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="sparkscale-", ignore_cleanup_errors=True))
    settings.setdefault("spark.sql.warehouse.dir", f"{scratch}/warehouse")
    add_java_option(settings, "driver", f"-Dderby.system.home={scratch}")


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
