"""Overrides of a job file: values of the environment, then those of ``--set``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkscale.config import yamlfile
from sparkscale.config.origins import LONG, Keys, dotted
from sparkscale.errors import UsageError, counted

PREFIX = "SPARKSCALE__"


def override(
    data: dict[str, Any], origins: dict[Keys, str], environ: Mapping[str, str], overrides: Sequence[str]
) -> None:
    """Put overrides into the data of a job file, and note their origins."""
    for name in sorted(environ):
        if name.startswith(PREFIX):
            _put(data, origins, name[len(PREFIX) :].lower().split("__"), environ[name], name)
    for text in overrides:
        key, found, value = text.partition("=")
        if not found or not key:
            raise UsageError("USAGE_SET", f"--set: expected key=value such as output.path=out, found {text!r:.80}")
        _put(data, origins, key.split("."), value, f"--set {key}")


def _put(data: Any, origins: dict[Keys, str], keys: list[str], value: str, origin: str) -> None:
    """Set one value; a key that is a number is an index into a list."""
    if len(keys) > yamlfile.MAX_DEPTH or any(map(yamlfile.is_torn, keys)):
        expected = f"expected at most {yamlfile.MAX_DEPTH} keys without unpaired Unicode surrogates"
        raise UsageError("USAGE_SET", f"{origin[:LONG]}: {expected}, found {len(keys)}")
    at: list[Any] = []
    for last, key in ((i == len(keys) - 1, key) for i, key in enumerate(keys)):
        index: Any = int(key) if isinstance(data, list) and key.isdecimal() else key
        at.append(index)
        if isinstance(data, list) and (not isinstance(index, int) or index >= len(data)):
            found = f"{dotted(at[:-1])} has {counted(len(data), 'element')}, and no [{key:.80}]"
            raise UsageError("USAGE_SET", f"{origin}: {found}", "elements are counted from 0")
        if not isinstance(data, list | dict):
            raise UsageError("USAGE_SET", f"{origin}: {dotted(at[:-1])} is one value and has no key {key!r:.80}")
        if last:
            data[index] = yamlfile.scalar(value, origin)
        elif not isinstance(data, list) and index not in data:
            data[index] = {}
        origins[tuple(at)] = origin
        data = data[index]
