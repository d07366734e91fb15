"""Job files: file, environment and ``--set`` come together and become a :class:`JobConfig`.

Precedence: defaults < file < environment (``SPARKSCALE__OUTPUT__PATH``) < ``--set output.path=...``.
``${env:NAME}``, ``${env:NAME:-default}``, ``${file:/run/secrets/x}``, ``${date}`` and ``${run_id}`` are the only
interpolation, in values alone (:mod:`sparkscale.config.references`).
All errors are found at once; each names its file and line (or its variable, or its ``--set``).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sparkscale.config import redaction, yamlfile
from sparkscale.config.models import Condition, JobConfig
from sparkscale.config.redaction import hidden, hide
from sparkscale.config.references import References, refers
from sparkscale.config.steps import MISMATCH
from sparkscale.errors import (
    AccessError,
    ConfigError,
    InputMissingError,
    Problem,
    UsageError,
    nearest,
    nearest_or_all,
    shown,
)
from sparkscale.publish import runs
from sparkscale.publish.runs import Run
from sparkscale.scalers.mismatch import Mismatch, dotted

PREFIX = "SPARKSCALE__"
#: It may stand in a path, where dots alone would be another folder.
RUN_ID = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,64}")
_REDACTION = "spark.redaction.regex"
#: As much of a key, or of what is wrong with a value, is shown.
_LONG = 300
#: Commands of which a run is done once; for others nobody looks at the input's files.
_PUBLISHING = ("run", "transform")
#: Stands for a run's id until it is known.
_LATER = "\x02run_id"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXPECTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "missing": "a value",
}

#: What pydantic's locations call the alternatives that it tried.
_ALTERNATIVES = ("str", "bool", "int", "float", "Condition")

_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Job:
    """A job file that was read: its configuration, its name, the run's id, and what must not be printed."""

    config: JobConfig = field(repr=False)
    source: str
    run: Run
    secrets: tuple[str, ...] = field(default=(), repr=False)

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
        command: that it is read for: another command is another run.
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
    origins: dict[_Path, str] = {where: f"{path}:{line}" for where, line in lines.items()}
    _override(data, origins, environ or {}, overrides)
    own = {"date": date or datetime.datetime.now(datetime.UTC).date().isoformat(), "run_id": run_id or _LATER}
    loader = _Loader(path, origins, environ or {}, own)
    config = loader.validate(data)
    run = Run(run_id, given=True) if run_id else _run_of(command, config)
    if run_id is None and "${run_id}" in json.dumps(data):  # it has to be known before it can be filled in
        config = replace(loader, own={**own, "run_id": run.id}).validate(data)
    return Job(config, path, run, tuple(dict.fromkeys(loader.secrets)))


def _run_of(command: str, config: JobConfig) -> Run:
    """Return the run of a command: its configuration, but for the session's, and what it reads."""
    artifact = config.artifact.path if config.artifact is not None and command == "transform" else None
    reads = [config.input.path, *([artifact] if artifact else [])] if command in _PUBLISHING else []
    known = config.model_dump(mode="json", by_alias=True, exclude={"steps", "spark"})
    steps = [step.to_dict() for step in config.steps]
    return runs.run_of(command, [known, steps], [path if path and _LATER not in path else None for path in reads])


def _is_date(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(_DATE.fullmatch(text)) and bool(datetime.date.fromisoformat(text))
    return False


_INIT = "`sparkscale init` prints one to start from"


def _kind(data: object) -> str:
    return "nothing" if data is None else "a list" if isinstance(data, list) else "one value"


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(yamlfile.MAX_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        cause = f"{path}: expected UTF-8 text, found a byte that is not ({error.reason})"
        raise ConfigError("CONFIG_YAML", cause) from error
    except FileNotFoundError as error:
        raise InputMissingError("CONFIG_FILE", f"expected a job file at {path}, found none", _INIT) from error
    except PermissionError as error:
        raise AccessError("CONFIG_FILE", f"cannot read the job file {path}: permission denied") from error
    except (OSError, ValueError) as error:
        raise InputMissingError("CONFIG_FILE", f"expected a job file at {path!r}: {error}", _INIT) from error


def _override(
    data: dict[str, Any], origins: dict[_Path, str], environ: Mapping[str, str], overrides: Sequence[str]
) -> None:
    for name in sorted(environ):
        if name.startswith(PREFIX):
            _put(data, origins, name[len(PREFIX) :].lower().split("__"), environ[name], name)
    for text in overrides:
        key, found, value = text.partition("=")
        if not found or not key:
            raise UsageError("USAGE_SET", f"--set: expected key.key=value, found {text!r:.80}")
        _put(data, origins, key.split("."), value, f"--set {key}")


def _put(data: Any, origins: dict[_Path, str], keys: list[str], value: str, origin: str) -> None:
    """Set one value; a key that is a number is an index into a list."""
    if len(keys) > yamlfile.MAX_DEPTH or any(map(yamlfile.is_torn, keys)):
        expected = f"expected at most {yamlfile.MAX_DEPTH} keys without unpaired Unicode surrogates"
        raise UsageError("USAGE_SET", f"{origin[:_LONG]}: {expected}, found {len(keys)}")
    at: list[Any] = []
    for last, key in ((i == len(keys) - 1, key) for i, key in enumerate(keys)):
        index: Any = int(key) if isinstance(data, list) and key.isdecimal() else key
        at.append(index)
        if isinstance(data, list) and (not isinstance(index, int) or index >= len(data)):
            raise UsageError("USAGE_SET", f"{origin}: expected an index below {len(data)}, found {key!r:.80}")
        if not isinstance(data, list | dict):
            raise UsageError("USAGE_SET", f"{origin}: {_dotted(keys)} is not in a mapping or list")
        if last:
            data[index] = yamlfile.scalar(value, origin)
        elif not isinstance(data, list) and index not in data:
            data[index] = {}
        origins[tuple(at)] = origin
        data = data[index]


@dataclass(frozen=True)
class _Loader:
    """What every step of reading a job file needs to word its errors."""

    path: str
    origins: Mapping[_Path, str]
    environ: Mapping[str, str]
    own: Mapping[str, str]
    #: Values that came from the environment or from files, and settings whose names say that they are secret.
    secrets: list[str] = field(default_factory=list)

    def validate(self, data: dict[str, Any]) -> JobConfig:
        problems: list[Problem] = []
        filled = self._fill(data, (), problems, References(self.environ, self.own, self.secrets))
        _guard(filled, self.secrets)
        try:
            config = JobConfig.model_validate_json(json.dumps(filled))
        except ValidationError as error:
            problems += self._problems(error, filled)
        if problems:
            raise ConfigError.of([_redacted(problem, self.secrets) for problem in problems])
        return config

    def _fill(self, value: Any, at: _Path, problems: list[Problem], references: References) -> Any:
        if isinstance(value, dict):
            problems += [self._no_value((*at, key)) for key in value if refers(key)]
            return {key: self._fill(item, (*at, key), problems, references) for key, item in value.items()}
        if isinstance(value, list):
            return [self._fill(item, (*at, i), problems, references) for i, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        return references.fill(value, self.place(at), problems)

    def _no_value(self, at: _Path) -> Problem:
        return Problem("CONFIG_KEY", f"{self.place(at)}: expected references only in values, found one in a key")

    def place(self, at: Sequence[str | int]) -> str:
        """Return file, line and key of a value, or of the nearest thing around it."""
        for end in range(len(at), -1, -1):
            origin = self.origins.get(tuple(at[:end]))
            if origin:
                return f"{origin}: {_dotted(at)}" if at and not origin.startswith("--set") else origin
        return f"{self.path}: {_dotted(at)}"

    def _problems(self, error: ValidationError, data: Any) -> Iterator[Problem]:
        """Word pydantic's errors: one for each place, whatever alternatives were tried there."""
        found: dict[_Path, list[tuple[_Path, dict[str, Any]]]] = {}
        for item in error.errors(include_url=False):
            loc = item["loc"]
            found.setdefault(_real(loc, data), []).append((loc, dict(item)))
        around = {other[:end] for other in found for end in range(len(other))}
        for at, items in found.items():
            if at not in around:  # else another alternative got further, and says more
                yield self._word(at, items)

    def _word(self, at: _Path, items: list[tuple[_Path, dict[str, Any]]]) -> Problem:
        loc, item = items[0]
        kind, value = item["type"], hidden(item.get("input"), self.secrets)
        if kind == MISMATCH:
            mismatch: Mismatch = item["ctx"]["mismatch"]
            return mismatch.problem(self.place(at), lambda found: hidden(found, self.secrets))
        if kind == "extra_forbidden":
            hint = _renamed(at) or nearest_or_all(str(at[-1]), _siblings(loc))
            return Problem("CONFIG_KEY", f"{self.place(at)}: unknown key {at[-1]!r:.80}", hint)
        if kind == "missing":
            return Problem("CONFIG_MISSING", f"{self.place(at)}: expected key {at[-1]!r}, found none")
        if kind == "value_error":
            told = item["msg"].removeprefix("Value error, ")
            return Problem("CONFIG_VALUE", f"{self.place(at)}: {_cut(told)}")
        expected = " or ".join(dict.fromkeys(_expected(other) for _, other in items))
        choices = re.findall(r"'([^']*)'", expected) if kind == "literal_error" else []
        hint = nearest(str(value), choices) if isinstance(value, str) else ""
        return Problem("CONFIG_VALUE", f"{self.place(at)}: expected {expected}, found {shown(value)}", hint)


#: Keys of earlier versions, and what they are called now.
_RENAMED: Mapping[str | int, str] = {"drift": "schema_drift", "verify": "self_check"}


def _renamed(at: _Path) -> str:
    return f"it is now {_RENAMED[at[0]]!r}" if len(at) == 1 and at[0] in _RENAMED else ""


def _real(loc: _Path, data: Any) -> _Path:
    """Drop from a pydantic location what is no key of the data: the names of models and alternatives."""
    at: list[str | int] = []
    for n, part in enumerate(loc):
        if _holds(data, part):
            at.append(part)
            data = data[part]
        elif n == len(loc) - 1 and isinstance(data, dict) and str(part).isidentifier() and part not in _ALTERNATIVES:
            at.append(part)  # a key that is missing
    return tuple(at)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _siblings(loc: _Path) -> Iterable[str]:
    """Return the keys that stand where an unknown one was found."""
    if len(loc) == 1:
        return JobConfig.model_fields
    if "Condition" in loc:
        return [field.alias or name for name, field in Condition.model_fields.items()]
    section: Any = JobConfig.model_fields[str(loc[0])].annotation
    model = next((part for part in getattr(section, "__args__", ()) if hasattr(part, "model_fields")), section)
    return [field.alias or name for name, field in model.model_fields.items()]


def _expected(item: Mapping[str, Any]) -> str:
    kind = item["type"]
    if kind == "literal_error":
        return str(item["ctx"]["expected"])
    text = str(item["msg"]).removeprefix("Input should be ").replace("String should have", "text of")
    return _EXPECTED.get(kind) or text


def _dotted(at: Sequence[str | int]) -> str:
    return _cut(dotted(at))


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


def _guard(filled: Any, secrets: list[str]) -> None:
    """Note the settings that are secret by their names, and let Spark redact those whose names do not say so."""
    for section, key in (("spark", "conf"), ("input", "options"), ("output", "options")):
        secrets += redaction.named(_section(filled.get(section)).get(key))
    for section, key in (("input", "path"), ("output", "path"), ("artifact", "path"), ("spark", "remote")):
        secrets += redaction.in_uri(str(_section(filled.get(section)).get(key)))
    spark = _section(filled.get("spark"))
    conf = _section(spark.get("conf"))
    if "remote" not in spark and spark.get("engine") != "sail":
        own = conf.get(_REDACTION, redaction.SPARKS)
        if wider := redaction.pattern(conf, secrets, str(own)):
            conf[_REDACTION] = wider


def _section(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _redacted(problem: Problem, secrets: list[str]) -> Problem:
    return Problem(problem.code, hide(problem.cause, secrets), hide(problem.hint, secrets))
