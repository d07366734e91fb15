"""`check`: whatever a run would refuse that can be found without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from sparkscale import doctor
from sparkscale.config.data import FILES, Input, Output
from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.errors import ConfigError, DataError, SparkscaleError
from sparkscale.formats import options, registry
from sparkscale.formats.options import Direction
from sparkscale.places import is_local
from sparkscale.publish import files
from sparkscale.run import overlap
from sparkscale.spark.session import lakes

Engine: TypeAlias = Literal["spark", "sail"]
#: Formats whose targets are folders; a sink that is defined elsewhere may write a file.
_IN_FOLDERS = {*FILES, "delta", "iceberg"}
_ENGINES: tuple[Engine, ...] = ("spark", "sail")


def check(job: Job) -> None:
    """Raise one error with everything that a run of this job would refuse, as far as this machine can tell.

    Of places elsewhere (object stores, catalogs), nothing is asked.

    Raises:
        SparkscaleError: of the first problem's kind and exit code, with all problems.
    """
    found = list(_errors(job))
    if found:
        raise type(found[0]).of([problem for error in found for problem in error.problems])


def _errors(job: Job) -> Iterator[SparkscaleError]:
    for check_one in (
        _check_sections,
        overlap.check_input,
        _check_artifact,
        _check_baseline,
        _check_states,
        _check_engine,
        _check_packages,
    ):
        try:
            check_one(job.config)
        except SparkscaleError as error:
            yield error
    try:
        _check_output(job)
    except SparkscaleError as error:
        yield error


def _check_sections(config: JobConfig) -> None:
    """Refuse a job that no command can do."""
    if not config.steps and config.artifact is None:
        cause = "expected 'steps' to fit, or an 'artifact' to apply, found neither in the job file"
        raise ConfigError("CONFIG_MISSING", cause, "add one of them")
    if config.output is None and (config.artifact is None or not config.steps):
        config.need("output")


def _check_artifact(config: JobConfig) -> None:
    """Refuse an artifact on this machine that a job without steps would apply and could not."""
    if not config.steps and config.artifact is not None and is_local(config.artifact.path):
        from sparkscale.artifact import store  # which takes a while to import, as what announces does

        store.load(config.artifact.path, config.artifact.version)


def _check_baseline(config: JobConfig) -> None:
    """Refuse a baseline on this machine that the job file names and that is not there."""
    path = config.drift.baseline.path if config.drift else None
    if config.drift is not None and path is not None and is_local(path):
        from sparkscale.artifact.baseline import Baseline  # which takes a while to import

        Baseline.at(path, config.drift.baseline.version)


def _check_states(config: JobConfig) -> None:
    """Refuse states on this machine that an update could not read, or that have other keys."""
    if config.states is not None and is_local(config.states.path):
        from sparkscale.artifact.states.log import Log

        keys = Log(config.states.path).read().keys
        if keys is not None and keys.names != config.states.by:
            found = f"found states by {', '.join(keys.names)} in {config.states.path}"
            cause = f"states.by: expected the keys {', '.join(config.states.by)}, {found}"
            raise DataError("STATES_KEYS", cause, "choose another path for the states, or the same 'by'")


def _check_output(job: Job) -> None:
    """Refuse a target that cannot be published to, unless it holds this very run already."""
    overlap.check_output(job.config)
    output = job.config.output
    if output is None:
        return
    if output.path is not None and output.local is None and output.is_files:
        from sparkscale.publish import announce

        announce.check_place(output.path, output.name)
    if output.local is None or output.format not in _IN_FOLDERS:
        return
    files.check_is_folder(output.local)
    if output.is_files and files.unclaimed(output.local).finished(job.run, output.mode) is None:
        files.check_target(output.local, output.mode)


def _check_engine(config: JobConfig) -> None:
    """Refuse formats and options that the job's engine lacks; of a job that may run on either, those that both lack."""
    either = config.spark.engine == "auto" or config.spark.remote is not None
    engines = [engine for engine in _ENGINES if either or engine == config.spark.engine]
    errors = [error for engine in engines if (error := _lack_of(engine, config)) is not None]
    if len(errors) == len(engines):
        raise errors[0]


def _check_packages(config: JobConfig) -> None:
    """Refuse table formats that have no release for the installed PySpark, where the job starts its own Spark."""
    spark, remote = config.spark, config.spark.remote
    installed = doctor.version_of("pyspark")
    if installed is None or spark.engine == "sail" or (remote is not None and not remote.startswith("local")):
        return
    given = {key: str(value) for key, value in spark.conf.items()}
    try:
        lakes.settings({*lakes.of_job(config), *lakes.of_catalogs(given)}, installed, given)
    except SparkscaleError:
        chosen = spark.engine == "spark" or spark.master is not None or remote is not None
        if chosen or doctor.version_of("pysail") is None or doctor.has_java():  # else the job runs on Sail
            raise


def _lack_of(engine: Engine, config: JobConfig) -> ConfigError | None:
    """Return why an engine cannot read or write what the job file says; None where it can."""
    try:
        _check_place(engine, "input", "read", config.input)
        if config.output is not None:
            _check_place(engine, "output", "write", config.output)
    except ConfigError as error:
        return error
    return None


def _check_place(engine: Engine, section: str, direction: Direction, place: Input | Output) -> None:
    known = registry.READ if direction == "read" else registry.WRITTEN
    if engine not in known[place.format]:
        cause = f"{section}.format: expected a format that {engine.capitalize()} has, found {place.format}"
        raise ConfigError("CONFIG_FORMAT", cause, "use parquet")
    options.check(engine, place.format, direction, place.options)
