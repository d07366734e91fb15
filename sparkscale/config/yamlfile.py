"""YAML with positions, by a safe loader: no tags, no duplicate keys, no alias bombs, no large files."""

from __future__ import annotations

import datetime
import io
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode
from ruamel.yaml.reader import ReaderError

from sparkscale.config.yamlwords import worded
from sparkscale.errors import ConfigError, Problem

#: The line of each key and element, by its path, counted from 1.
Lines: TypeAlias = dict[tuple[str | int, ...], int]

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
#: A job file needs eight; what reads JSON stops near 200.
MAX_DEPTH = 64
#: What plain YAML resolves to by itself.
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge")
)


def parse(text: str, name: str) -> tuple[Any, Lines]:
    """Return the document's plain values and the line of every key.

    Raises :class:`ConfigError` naming file and line for anything that is not plain YAML.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ConfigError(
            "CONFIG_SIZE", f"{name}: expected at most {MAX_BYTES:,} bytes, found more", "is this the right file?"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)  # of an anchor that stands twice: the nearer one counts
            return _parse(text, name)
    except ConfigError:
        raise
    except MarkedYAMLError as error:
        found, cause, hint = worded(text, error)
        where = f"{name}:{found}" if found else name
        raise ConfigError("CONFIG_YAML", f"{where}: {cause}", hint) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        cause = f"{name}:{line}: expected text, found the character U+{error.character:04X}"
        raise ConfigError("CONFIG_YAML", cause, "remove it") from error
    except RecursionError as error:
        raise ConfigError("CONFIG_YAML", f"{name}: expected at most {MAX_DEPTH} levels, found more") from error
    except (YAMLError, ValueError, AttributeError, LookupError, TypeError) as error:
        raise ConfigError("CONFIG_YAML", f"{name}: expected YAML, {_one_line(str(error))}") from error


def _parse(text: str, name: str) -> tuple[Any, Lines]:
    yaml = _yaml()
    root = yaml.compose(io.StringIO(text))
    lines: Lines = {}
    problems = list(_walk(root, (), lines, name)) if root is not None else []
    if problems:
        raise ConfigError.of(problems)
    return _plain(None if root is None else yaml.constructor.construct_document(root)), lines


def scalar(text: str, name: str) -> Any:
    """Read one value as YAML would: ``8`` is a number, ``true`` a truth value, ``a`` a string."""
    return parse(text, name)[0]


def _yaml() -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True  # reported by _walk, all of them and with both lines
    return yaml


def _walk(node: Node, path: tuple[str | int, ...], lines: Lines, name: str) -> Iterator[Problem]:
    """Note the line of every node; yield tags, unpaired surrogates, and duplicate keys."""
    if len(lines) > MAX_NODES:
        raise ConfigError("CONFIG_YAML", f"{name}: expected at most {MAX_NODES:,} values (aliases included)")
    line = lines[path] = node.start_mark.line + 1
    if len(path) > MAX_DEPTH:
        raise ConfigError("CONFIG_YAML", f"{name}:{line}: expected at most {MAX_DEPTH} levels, found more")
    tag = str(getattr(node, "tag", "") or "")
    if tag and tag not in _PLAIN_TAGS:
        yield Problem("CONFIG_YAML", f"{name}:{line}: expected plain YAML, found the tag {tag!r:.80}", "remove it")
    if is_torn(node.value):
        yield Problem("CONFIG_YAML", f"{name}:{line}: expected text, found an unpaired Unicode surrogate")
    if isinstance(node, MappingNode):
        yield from _walk_mapping(node, path, lines, name)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), lines, name)


def _walk_mapping(node: MappingNode, path: tuple[str | int, ...], lines: Lines, name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in seen:
            cause = f"{name}:{line}: key {key!r:.80} appears twice, first on line {seen[key]}"
            yield Problem("CONFIG_DUPLICATE", cause, "remove one of them")
        if is_torn(key):
            yield Problem("CONFIG_YAML", f"{name}:{line}: expected text, found an unpaired Unicode surrogate in a key")
        seen.setdefault(key, line)
        yield from _walk(value_node, (*path, key), lines, name)
        lines[(*path, key)] = line


def is_torn(text: object) -> bool:
    """Whether a text has an unpaired surrogate, which no Unicode encoding can hold."""
    return isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(f"found a {type(value).__name__}")


def _key(key: Any) -> str:
    """Return a key as it was written: `null: true` is a predicate, and `2013: 1` a column of that name."""
    return {None: "null", True: "true", False: "false"}[key] if key is None or isinstance(key, bool) else str(key)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:200]
