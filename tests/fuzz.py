"""Job files for the fuzz test: the files of conf/, changed in their structure and in their text."""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sparkscale.config import yamlfile
from sparkscale.config.models import JobConfig
from sparkscale.config.where import Condition
from sparkscale.scalers.base import REGISTRY

ROOT = Path(__file__).parents[1]
SEEDS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "conf").glob("*.yaml"))}
_PLAIN = {name: yamlfile.parse(text, name)[0] for name, text in SEEDS.items()}
_KEYS = [
    *JobConfig.model_fields, *Condition.model_fields, "dtype", "in", "except", "schema", "where", "conf",
    "path", "format", "mode", "options", "remote", "master", "kind", "columns", "into", "range", "clip", "temperature",
    "norm", "null", "true", "2013", "", " ", "__class__", "a.b", "0", "steps", "${date}", "ü🚀", "\x1b[31m", "k" * 300,
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"),
    float("-inf"), "", " ", "x", "${env:NONE}", "${env:HOME}", "${file:none}", "${file:/etc/hostname}", "${file:/}",
    "${date}", "${", "${}}", "${run_id}${x}", "/(/", "/((a+)+)+$/", "[", "*", "{column}", "{", "a{0}", "{column!r:>9999999}",
    "\x00", "\x1b[2J", "\u202e", "\ud800", "\ufeff", "\u2028", "é" * 90, "x" * 5000, "../../x", "file:", "s3://", "://",
    "sc://h:99999999", "http://[", "http://[x]:y/", [], {}, [[]], [{}], {"": None}, {"dtype": "numeric"}, {"dtype": 5},
    {"except": []}, {"ge": None}, {"in": [None]}, {"null": "x"}, ["x"] * 300, list(REGISTRY), [1, 0], [float("nan")] * 2,
]  # fmt: skip
_PIECES = [
    "\x00", "\x07", "\x1b[31m", "\t", "\r", "\n", "\r\n", "\u2028", "\ufeff", "\u202e", "\ud800", "🚀", ":", ": ", "- ", "? ",
    "#", "|", ">", "|9\n", "%YAML 9.9\n---\n", "%TAG ! x\n", "---\n", "...\n", "&a ", "*a", "*none", "&a [*a]", "<<: *a",
    "<<: [1]", "<<: {}", "!!python/object/apply:os.system [x]", "!!binary x", "!!set {a}", "!!int x", "!!float .", "!!null x",
    "!!bool 5", "!!timestamp x", "!!str", "!", "!!", "!<x>", "!!omap [a: 1]", "'", '"', '"\\', '"\\ud800"', '"\\xg"', "\\",
    '"\\U00110000"', "[", "]", "{", "}", ",", "[" * 200, "{a: " * 150, "- " * 300, "9" * 4400, "1e999", "0x" + "f" * 400,
    "0o8", "0b2", "1_0", "190:20:30", "1:60", "2026-13-45", "2026-01-31T25:61:61Z", "0001-01-01", "9999-12-31 23:59:59+99:99",
    ".inf", ".nan", "~", "yes", "=", "${env:HOME}", "${file:/etc/hostname}", "@", "`", "x" * 2000,
]  # fmt: skip


def make(seed: int) -> tuple[bytes, list[str]]:
    """Return the bytes of a job file, and values for ``--set``; the same seed makes the same."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    name = rng.choice(list(SEEDS))
    way = rng.random()
    if way < 0.5:
        data = copy.deepcopy(_PLAIN[name])
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            data = rng.choice(_CHANGES)(rng, data)
        text = _write(rng, data)
    else:
        text = SEEDS[name]
    if way > 0.4:
        for _ in range(rng.choice([1, 1, 1, 2, 6])):
            text = rng.choice(_EDITS)(rng, text)
    raw = text.encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "replace")
    if rng.random() < 0.1:
        at = rng.randint(0, len(raw))
        raw = raw[:at] + rng.randbytes(rng.randint(1, 20)) + raw[at:]
    return raw, [f"{_path(rng, _PLAIN[name])}={_scalar(rng)}"] if rng.random() < 0.2 else []


def _write(rng: random.Random, data: Any) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = rng.random() < 0.3
    yaml.width = rng.choice([20, 120, 4000])
    yaml.allow_unicode = rng.random() < 0.5
    stream = io.StringIO()
    try:
        yaml.dump(data, stream)
    except Exception:  # noqa: BLE001 - what has no YAML
        return repr(data)
    return stream.getvalue()


def _places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, item in items for place in ((*at, key), *_places(item, (*at, key)))]


def _at(data: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        data = data[key]
    return data


def _edit(change: Callable[[random.Random, Any, Any], None]) -> Callable[[random.Random, Any], Any]:
    """Return a change of one place of the data, by what holds it and its key."""

    def edit(rng: random.Random, data: Any) -> Any:
        places = _places(data)
        if not places:
            return copy.deepcopy(rng.choice(_VALUES))
        place = rng.choice(places)
        change(rng, _at(data, place[:-1]), place[-1])
        return data

    return edit


def _delete(rng: random.Random, holder: Any, key: Any) -> None:
    del holder[key]


def _replace(rng: random.Random, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(rng.choice(_VALUES))


def _rename(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(_KEYS)] = holder.pop(key)


def _add(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(_KEYS)] = copy.deepcopy(rng.choice(_VALUES))
    else:
        holder.insert(key, copy.deepcopy(rng.choice(_VALUES)))


def _wrap(rng: random.Random, holder: Any, key: Any) -> None:
    for _ in range(rng.choice([1, 1, 2, 10, 100, 300])):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {rng.choice(_KEYS): holder[key]}


def _repeat(rng: random.Random, holder: Any, key: Any) -> None:
    holder[key] = [holder[key]] * rng.choice([2, 5, 200])  # written with anchors and aliases


def _retarget(rng: random.Random, data: Any) -> Any:
    """Put what stands in one place into another."""
    places = _places(data)
    if len(places) > 1:
        place, other = rng.choice(places), rng.choice(places)
        _at(data, place[:-1])[place[-1]] = copy.deepcopy(_at(data, other))
    return data


_CHANGES = [*map(_edit, (_delete, _replace, _replace, _rename, _add, _wrap, _repeat)), _retarget]


def _insert(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(_PIECES) + text[at:]


def _cut(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + text[at + rng.choice([1, 1, 3, 20, 2000]) :]


def _double_line(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    return "".join([*lines[:at], lines[at] * rng.choice([2, 2, 50]), *lines[at:]])


def _swap_value(rng: random.Random, text: str) -> str:
    """Put a piece in place of what follows a colon."""
    lines = text.splitlines() or [""]
    at = rng.randrange(len(lines))
    head, colon, _ = lines[at].partition(":")
    lines[at] = f"{head}{colon or ':'} {rng.choice(_PIECES)}"
    return "\n".join(lines)


def _garble(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + chr(rng.choice([rng.randrange(128), rng.randrange(0xD800)])) + text[at + 1 :]


_EDITS = [_insert, _insert, _cut, _double_line, _swap_value, _garble]


def _path(rng: random.Random, data: Any) -> str:
    place = [str(key) for key in rng.choice(_places(data))] + rng.choice([[], [], [rng.choice(_KEYS)]])
    return ".".join(place)


def _scalar(rng: random.Random) -> str:
    return rng.choice([str(rng.choice(_VALUES)), rng.choice(_PIECES)])
