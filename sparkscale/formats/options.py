"""Reader and writer options: which ones an engine applies, by format. Every other option is refused.

An engine that silently ignores an option reads or writes other values than the job file says. The names are
those of Spark's own option classes; for Sail, those that were tried and found to work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from sparkscale.errors import ConfigError, Problem, nearest

Direction = Literal["read", "write"]
#: By option, the values that work; None where all do.
Known = Mapping[str, frozenset[str] | None]

_ANY = None
_TRUE, _FALSE = frozenset({"true"}), frozenset({"false"})
_STRICT = frozenset({"failfast"})
_UTF8 = frozenset({"utf-8", "utf8"})


def _any(names: str) -> dict[str, frozenset[str] | None]:
    return dict.fromkeys(names.split(), _ANY)


_FILES = _any("pathGlobFilter recursiveFileLookup modifiedBefore modifiedAfter basePath") | {
    "ignoreCorruptFiles": _FALSE,  # a damaged file must stop the job
    "ignoreMissingFiles": _FALSE,
}
_CSV = _any(
    "header sep delimiter quote escape comment charToEscapeQuoteEscaping encoding charset lineSep nullValue emptyValue "
    "ignoreLeadingWhiteSpace ignoreTrailingWhiteSpace dateFormat timestampFormat timestampNTZFormat timeZone locale "
    "compression codec"
)
_DATES = _any("dateFormat timestampFormat timestampNTZFormat timeZone locale")
_SPARK: Mapping[tuple[str, Direction], Known] = {
    ("csv", "read"): {
        **_FILES,
        **_CSV,
        **_any(
            "mode multiLine inferSchema enforceSchema nanValue positiveInf negativeInf maxColumns maxCharsPerColumn "
            "unescapedQuoteHandling enableDateTimeParsingFallback inputBufferSize columnNameOfCorruptRecord"
        ),
    },
    ("csv", "write"): {**_CSV, **_any("escapeQuotes quoteAll extension maxRecordsPerFile")},
    ("json", "read"): {
        **_FILES,
        **_DATES,
        **_any(
            "mode multiLine lineSep encoding charset compression primitivesAsString prefersDecimal allowComments "
            "allowUnquotedFieldNames allowSingleQuotes allowNumericLeadingZeros allowNonNumericNumbers "
            "allowBackslashEscapingAnyCharacter allowUnquotedControlChars dropFieldIfAllNull inferTimestamp "
            "enableDateTimeParsingFallback columnNameOfCorruptRecord"
        ),
    },
    ("json", "write"): {
        **_DATES,
        **_any("lineSep encoding charset compression ignoreNullFields writeNonAsciiCharacterAsCodePoint"),
        **_any("maxRecordsPerFile"),
    },
    ("parquet", "read"): {**_FILES, **_any("mergeSchema datetimeRebaseMode int96RebaseMode")},
    ("parquet", "write"): _any("compression maxRecordsPerFile parquet.*"),
    ("orc", "read"): {**_FILES, **_any("mergeSchema")},
    ("orc", "write"): _any("compression maxRecordsPerFile orc.*"),
}
_SAIL_FILES: Known = {"pathGlobFilter": _ANY, "ignoreCorruptFiles": _FALSE, "ignoreMissingFiles": _FALSE}
_SAIL: Mapping[tuple[str, Direction], Known] = {
    ("csv", "read"): {
        **_SAIL_FILES,
        # `nullValue`, `enforceSchema` and `inferSchema` are applied by sparkscale itself.
        **_any("header sep delimiter quote escape comment lineSep multiLine compression codec nullValue enforceSchema"),
        "inferSchema": _ANY,
        "mode": _STRICT,
        "encoding": _UTF8,
        "charset": _UTF8,
        "ignoreLeadingWhiteSpace": _FALSE,
        "ignoreTrailingWhiteSpace": _FALSE,
    },
    ("csv", "write"): {
        **_any("header sep delimiter quote nullValue compression codec"),
        "escape": frozenset({'"'}),
        "encoding": _UTF8,
        "charset": _UTF8,
        "ignoreLeadingWhiteSpace": _FALSE,
        "ignoreTrailingWhiteSpace": _FALSE,
    },
    ("json", "read"): {**_SAIL_FILES, "compression": _ANY, "mode": _STRICT, "encoding": _UTF8, "multiLine": _FALSE},
    ("json", "write"): {"compression": _ANY, "encoding": _UTF8, "ignoreNullFields": _TRUE},
    ("parquet", "read"): _SAIL_FILES,
    ("parquet", "write"): {"compression": _ANY, "codec": _ANY},
}
_WHY = {
    "samplingratio": "the whole input decides the types; leave it out",
    "preferdate": "dates are never guessed; give input.schema",
    "columnpruning": "it hides damaged records; leave it out",
    "ignorecorruptfiles": "a damaged file must stop the job; leave it out",
    "ignoremissingfiles": "a missing file must stop the job; leave it out",
}


def check(engine: Literal["spark", "sail"], format_: str, direction: Direction, options: Mapping[str, object]) -> None:
    """Refuse options that the engine would ignore, all in one error.

    Options of Delta, Iceberg and of tables in a catalog are passed on: their connectors have their own.

    Raises:
        ConfigError: (78) ``CONFIG_OPTION``, with the nearest name that is known.
    """
    known = (_SPARK if engine == "spark" else _SAIL).get((format_, direction))
    if known is None:
        return
    problems = list(_problems(engine, format_, direction, known, options))
    if problems:
        raise ConfigError.of(problems)


def names(engine: Literal["spark", "sail"], format_: str, direction: Direction) -> tuple[str, ...]:
    """Return the names of the options that work, for the docs."""
    return tuple(sorted((_SPARK if engine == "spark" else _SAIL).get((format_, direction), ())))


def _problems(
    engine: str, format_: str, direction: Direction, known: Known, options: Mapping[str, object]
) -> Iterator[Problem]:
    section = "input" if direction == "read" else "output"
    who = "Spark" if engine == "spark" else "Sail"
    lower = {name.lower(): values for name, values in known.items()}
    for name, value in options.items():
        key = name.lower()
        if key not in lower:
            if not any(star.endswith("*") and key.startswith(star[:-1]) for star in lower):
                cause = f"{section}.options: {who}'s {format_} {_NOUN[direction]} has no option {name!r}"
                yield Problem("CONFIG_OPTION", cause, _WHY.get(key) or _near(name, known) or _listed(known))
            continue
        values = lower[key]
        if values is not None and str(value).lower() not in values:
            cause = f"{section}.options.{name}: expected {' or '.join(sorted(values))} on {who}, found {value!r}"
            hint = _WHY.get(key) or (
                "leave it out" if engine == "spark" else "leave it out, or set spark.engine: spark"
            )
            yield Problem("CONFIG_OPTION", cause, hint)


_NOUN = {"read": "reader", "write": "writer"}


def _near(name: str, known: Known) -> str:
    """Return the hint for a name that is like a known one, or is a longer form of it, as separator is of sep."""
    form = next((one for one in sorted(known) if len(one) > 2 and name.lower().startswith(one.lower())), None)  # noqa: PLR2004
    return nearest(name, known) or (f"did you mean {form!r}?" if form else "")


def _listed(known: Known) -> str:
    return f"its options are {', '.join(sorted(known))}"
