"""What must not be printed or kept: which values are secret, and how they are taken out of a text."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

#: The names of settings that Spark itself keeps out of its logs and its pages (`spark.redaction.regex`).
SPARKS = "(?i)secret|password|token|access[.]?key"
#: Those, and names that clouds and databases use; a provider of credentials is a class, and no secret.
_SECRET_NAME = re.compile(
    SPARKS + r"|passwd|passphrase|(access|account|api|private)[._-]?key|credentials?(?!\w*[._-]provider)"
)
_IN_URI = re.compile(
    r"://[^/@:\s]*:([^/@\s]+)@|[;?&][^=;&]*(?:token|secret|password|signature|sig|key)[^=;&]*=([^;&\s]+)", re.IGNORECASE
)
#: Less hides nothing, and to replace each ``a`` would make a text unreadable.
_LENGTH = 4
#: As much of the start of a secret counts as the secret, where a message was cut in the middle of it.
_START = 8
_GOES_ON = re.compile(r"[\w/-]")
_MASK = "***"


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets: neither as they are, nor quoted, escaped, in one line, or cut off."""
    return _hide(text, _forms(secrets))


def hidden(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON values without secrets in their texts; keys are never secret."""
    forms = _forms(secrets)

    def without(value: Any) -> Any:
        if isinstance(value, str):
            return _hide(value, forms)
        if isinstance(value, Mapping):
            return {key: without(item) for key, item in value.items()}
        return [without(item) for item in value] if isinstance(value, list | tuple) else value

    return without(value) if forms else value


def _hide(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, _MASK)
    return functools.reduce(_without_start, forms, text)


def named(settings: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield the values of settings whose names say that they are secret."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from named(value, inside=inside or bool(_SECRET_NAME.search(str(key))))
    elif isinstance(settings, list):
        for value in settings:
            yield from named(value, inside=inside)
    elif inside and settings is not None and str(settings).lower() not in ("true", "false"):
        yield str(settings)


def in_uri(place: str) -> Iterator[str]:
    """Yield the password of a URI, and what its parameters call a token, a key or a signature."""
    yield from (password or parameter for password, parameter in _IN_URI.findall(place))


def pattern(settings: Mapping[str, Any], secrets: Iterable[str], own: str = SPARKS) -> str | None:
    """Return ``own``, a `spark.redaction.regex`, with the names of settings that hold secrets and that it misses.

    None where it misses none.
    """
    long = [secret for secret in secrets if len(secret) >= _LENGTH]
    holding = [key for key, value in settings.items() if any(secret in str(value) for secret in long)]
    missed = [re.escape(key) for key in holding if not re.search(SPARKS, key)]
    return "|".join([own, *missed]) if missed else None


def _forms(secrets: Iterable[str]) -> list[str]:
    """Return how secrets may stand in a message, the longest first."""
    found = {form for secret in set(secrets) for form in _written(secret) if len(form) >= _LENGTH}
    return sorted(found, key=len, reverse=True)


def _written(secret: str) -> Iterator[str]:
    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quote(secret), quote(secret, safe=""), " ".join(secret.split()), " ".join(secret.splitlines()))
    yield from (line for line in secret.splitlines() if len(line) >= _START)


def _without_start(text: str, form: str) -> str:
    """Take out the start of a secret where it was cut: no letter of another word follows."""
    at = text.find(form[:_START]) if len(form) > _START else -1
    while at >= 0:
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(text[at : at + len(form)], form, strict=False))
        end = at + len(list(same))
        if not _GOES_ON.match(text, end):
            text = text[:at] + _MASK + text[end:]
        at = text.find(form[:_START], at + len(_MASK))
    return text
