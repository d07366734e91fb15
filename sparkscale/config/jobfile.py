"""Job files: file, environment and ``--set`` make a :class:`JobConfig`.

Precedence: defaults < file < environment (``SPARKSCALE__OUTPUT__PATH``) < ``--set output.path=...``.
Only ``${env:NAME}``, ``${env:NAME:-default}``, ``${file:/run/secrets/x}``, ``${date}`` and ``${run_id}`` are filled in,
and only in values (:mod:`sparkscale.config.references`). All errors are reported together, each with its file and line
(or its variable, or its ``--set``).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sparkscale.config import yamlfile
from sparkscale.config.data import Artifact
from sparkscale.config.models import JobConfig
from sparkscale.config.origins import Keys, Origins
from sparkscale.config.overrides import override
from sparkscale.config.validation import Validator
from sparkscale.errors import AccessError, ConfigError, InputMissingError, SparkscaleError, UsageError
from sparkscale.places import is_local
from sparkscale.publish import runs
from sparkscale.publish.runs import Run

#: It may stand in a path, where dots alone would be another folder.
RUN_ID = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,64}")
#: Commands whose runs are idempotent. For the others, the input's files are not looked at.
_PUBLISHING = ("run", "transform")
#: Stands for a run's id until it is known.
_LATER = "\x02run_id"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INIT = "`sparkscale init` prints one to start from"


@dataclass(frozen=True)
class Job:
    """A loaded job file: its configuration, its name, the run's id, and its secrets."""

    config: JobConfig = field(repr=False)
    source: str
    run: Run
    secrets: tuple[str, ...] = field(default=(), repr=False)
    #: Where each value comes from, for what is found wrong with it later on.
    origins: Origins = field(default=Origins("", {}), repr=False)

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.run.id


def load(  # noqa: PLR0913 - a job file, and all that varies it
    path: str,
    command: str = "run",
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    run_id: str | None = None,
    date: str | None = None,
) -> Job:
    """Read a job file.

    Args:
        path: of the YAML file.
        command: that will run it; the id of the run depends on it.
        environ: the environment; for ``SPARKSCALE__...`` overrides and ``${env:...}``.
        overrides: ``key.key=value`` texts; a value is read as YAML.
        run_id: of this run (``[A-Za-z0-9_.-]{1,64}``); by default a digest of the configuration and the input
            (`sparkscale.publish.runs`).
        date: for ``${date}``, ``YYYY-MM-DD``; today in UTC by default.

    Raises:
        ConfigError: (78) with everything that is wrong, InputMissingError: (66) where there is no file,
        UsageError: (64) for a wrong ``run_id`` or override.
    """
    if run_id is not None and not RUN_ID.fullmatch(run_id):
        expected = "expected 1 to 64 characters of A-Z a-z 0-9 _ . -, not only dots"
        raise UsageError("USAGE_RUN_ID", f"run id: {expected}, found {run_id[:80]!r}")
    if date is not None and not _is_date(date):
        raise UsageError("USAGE_DATE", f"date: expected a day YYYY-MM-DD, found {date[:80]!r}")
    data, lines = yamlfile.parse(_read(path), path)
    if not isinstance(data, dict):
        raise ConfigError("CONFIG_YAML", f"{path}: expected a mapping of keys, found {_kind(data)}", _INIT)
    origins: dict[Keys, str] = {where: f"{path}:{line}" for where, line in lines.items()}
    override(data, origins, environ or {}, overrides)
    own = {"date": date or datetime.datetime.now(datetime.UTC).date().isoformat(), "run_id": run_id or _LATER}
    validator = Validator(Origins(path, origins), environ or {}, own)
    config = validator.validate(data)
    run = Run(run_id, given=True) if run_id else _run_of(command, config)
    if run_id is None and "${run_id}" in json.dumps(data):  # it has to be known before it can be filled in
        config = replace(validator, own={**own, "run_id": run.id}).validate(data)
    return Job(config, path, run, tuple(dict.fromkeys(validator.secrets)), validator.origins)


def _run_of(command: str, config: JobConfig) -> Run:
    """Return the run of a command: its configuration, but for the session's, and what it reads.

    That of ``check`` is the run that it is about.
    """
    if command == "check":
        command = "run" if config.steps else "transform"
    applied = [_applied(config.artifact)] if config.artifact is not None and command == "transform" else []
    idempotent = command in _PUBLISHING or config.metrics is not None  # which a run writes once
    reads = [config.input.path, *applied] if idempotent else []
    known = config.model_dump(mode="json", by_alias=True, exclude={"steps", "spark"})
    steps = [step.to_dict() for step in config.steps]
    return runs.run_of(command, [known, steps], [path if path and _LATER not in path else None for path in reads])


def _applied(artifact: Artifact) -> str:
    """Return the file of the version that a transform applies: other versions are not read.

    Without such a version it's the artifact's own path, and the transform reports what is wrong.
    """
    if not is_local(artifact.path):
        return artifact.path
    from sparkscale.artifact import objects, store  # the client of stores takes a while to import

    try:
        number = store.locate(artifact.path, artifact.version)
    except SparkscaleError:
        return artifact.path
    return artifact.path if number is None else f"{artifact.path.rstrip('/')}/{objects.name(number)}"


def _is_date(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(_DATE.fullmatch(text)) and bool(datetime.date.fromisoformat(text))
    return False


def _kind(data: object) -> str:
    return "nothing" if data is None else "a list" if isinstance(data, list) else "one value"


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(yamlfile.MAX_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        cause = f"{path}: expected UTF-8 text, found other bytes ({error.reason})"
        raise ConfigError("CONFIG_YAML", cause, "save it as UTF-8") from error
    except FileNotFoundError as error:
        raise InputMissingError("CONFIG_FILE", f"expected a job file at {path}, found none", _INIT) from error
    except PermissionError as error:
        cause = f"cannot read the job file {path}: permission denied"
        raise AccessError("CONFIG_FILE", cause, "check the file's rights") from error
    except IsADirectoryError as error:
        raise InputMissingError("CONFIG_FILE", f"expected a job file at {path}, found a folder", _INIT) from error
    except (OSError, ValueError) as error:
        raise InputMissingError("CONFIG_FILE", f"expected a job file at {path!r}: {error}", _INIT) from error
