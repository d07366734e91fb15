"""Turns the data of a job file into a :class:`JobConfig`: fills in references, notes secrets, collects errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sparkscale.config import modelwords, redaction
from sparkscale.config.models import JobConfig
from sparkscale.config.origins import Keys, Origins
from sparkscale.config.redaction import hide
from sparkscale.config.references import References, refers
from sparkscale.errors import ConfigError, Problem

_REDACTION = "spark.redaction.regex"


@dataclass(frozen=True)
class Validator:
    """References and validation of a job file's data, and all that they need to word errors."""

    origins: Origins
    environ: Mapping[str, str]
    own: Mapping[str, str]
    #: Values that came from the environment or from files, and settings whose names say that they are secret.
    secrets: list[str] = field(default_factory=list)

    def validate(self, data: dict[str, Any]) -> JobConfig:
        """Return the configuration; raises :class:`ConfigError` with everything that is wrong."""
        problems: list[Problem] = []
        filled = self._fill(data, (), problems, References(self.environ, self.own, self.secrets))
        _guard(filled, self.secrets)
        try:
            config = JobConfig.model_validate_json(json.dumps(filled))
        except ValidationError as error:
            problems += modelwords.problems(error, filled, self.origins, self.secrets)
        if problems:
            raise ConfigError.of([_redacted(problem, self.secrets) for problem in problems])
        return config

    def _fill(self, value: Any, at: Keys, problems: list[Problem], references: References) -> Any:
        if isinstance(value, dict):
            problems += [self._no_value((*at, key)) for key in value if refers(key)]
            return {key: self._fill(item, (*at, key), problems, references) for key, item in value.items()}
        if isinstance(value, list):
            return [self._fill(item, (*at, i), problems, references) for i, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        return references.fill(value, self.origins.place(at), problems)

    def _no_value(self, at: Keys) -> Problem:
        return Problem(
            "CONFIG_KEY", f"{self.origins.place(at)}: expected references only in values, found one in a key"
        )


def _guard(filled: Any, secrets: list[str]) -> None:
    """Note the settings that are secret by their names, and let Spark redact those whose names do not say so."""
    for section, key in (("spark", "conf"), ("input", "options"), ("output", "options")):
        secrets += redaction.named(_section(filled.get(section)).get(key))
    for section, key in (
        ("input", "path"),
        ("output", "path"),
        ("artifact", "path"),
        ("metrics", "path"),
        ("states", "path"),
        ("spark", "remote"),
    ):
        secrets += redaction.in_uri(str(_section(filled.get(section)).get(key)))
    secrets += redaction.in_uri(str(_section(_section(filled.get("drift")).get("baseline")).get("path")))
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
