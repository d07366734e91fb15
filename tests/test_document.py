"""The artifact as a document: canonical bytes, doubles to the last bit, and every hostile file refused."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparkscale as ss
from sparkscale import document
from sparkscale.artifact import Fitted
from sparkscale.errors import DataError
from sparkscale.scalers import REGISTRY

finite = st.floats(allow_nan=False, allow_infinity=False)
NAMES = ["a", "ü.`b` ", "emoji 🚀", "\n"]


def fitted(seed: int = 0) -> Fitted:
    """Return every kind of step, fitted on four columns, one without a number."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {name: rng.normal(7, 3, 50) for name in NAMES} | {"none": np.full(50, np.nan)}
    steps: list[Any] = [cls(NAMES[:2], into=f"{kind}_{{column}}") for kind, cls in REGISTRY.items()]
    steps += [ss.MinMax(NAMES[2:], range=(-1, 3), clip=True), ss.Standard("none", empty="null", ddof=1)]
    return ss.Pipeline(steps).fit_arrays(data)


WHOLE = fitted()


def test_write_same_bytes_for_same_content() -> None:
    data = document.dump(WHOLE)
    back = document.load(data)
    assert back == WHOLE
    assert document.dump(back) == data
    assert document.dump(fitted()) == data
    assert document.dump(fitted(seed=1)) != data


def test_write_sorted_json_that_others_can_read() -> None:
    data = document.dump(WHOLE)
    text = data.decode("utf-8")
    content = json.loads(text, parse_constant=pytest.fail)
    assert text == json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    digest = content.pop("checksum")
    bare = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest == "sha256:" + hashlib.sha256(bare.encode()).hexdigest()
    assert content["format_version"] == 1
    assert content["stats"]["none"]["mean"] is None


def test_apply_maps_by_the_documented_formula() -> None:
    """Score as a program in another language would, with nothing but the JSON."""
    content = json.loads(document.dump(WHOLE))
    x = np.array([-3.0, 0.0, 7.5, 11.0])
    found = WHOLE.transform_arrays(dict.fromkeys([*NAMES, "none"], x))
    for step in content["steps"]:
        for map_, output in zip(step["maps"], step["outputs"], strict=False):
            if map_["kind"] != "affine":
                continue
            y = (x * map_["prescale"] - map_["center"] * map_["prescale"]) / map_["scale"] * map_["gain"] + map_[
                "offset"
            ]
            y = y if map_["clip"] is None else np.clip(y, *map_["clip"])
            np.testing.assert_array_equal(found[output], y)


@given(st.lists(finite, min_size=1, max_size=30), finite)
@settings(max_examples=100)
def test_keep_doubles_to_the_last_bit(values: list[float], unseen: float) -> None:
    steps = [ss.Standard("x"), ss.MinMax("x", into="m"), ss.Robust("x", into="r"), ss.MeanNorm("x", into="n")]
    before = ss.Pipeline(steps).fit_arrays({"x": np.array(values)})
    after = document.load(document.dump(before))
    assert after == before
    for name, known in before.stats["x"].to_dict().items():
        read = after.stats["x"].to_dict()[name]
        assert type(read) is type(known)
        if isinstance(known, float):
            assert struct.pack("d", read) == struct.pack("d", known), name
    data = {"x": np.array([*values, unseen, math.inf, math.nan])}
    for name, column in before.transform_arrays(data).items():
        assert column.tobytes() == after.transform_arrays(data)[name].tobytes()


# --- hostile and broken ------------------------------------------------------------------------------------------


def sealed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return the artifact with a change, and a checksum that is right for it."""
    content = copy.deepcopy(json.loads(document.dump(WHOLE)))
    change(content)
    content.pop("checksum", None)
    content["checksum"] = document._checksum(content)
    return json.dumps(content).encode()


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of one value."""

    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        content[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    """Return a change that takes a key out."""

    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        del content[path[-1]]

    return change


GOOD = document.dump(WHOLE)
RAW: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "ARTIFACT_INVALID"),
    "text": (b"hello", "ARTIFACT_INVALID"),
    "a pickle": (b"\x80\x04\x95", "ARTIFACT_INVALID"),
    "not UTF-8": (b'{"format": "\xff"}', "ARTIFACT_INVALID"),
    "a list": (b"[1]", "ARTIFACT_FORMAT"),
    "a number": (b"1", "ARTIFACT_FORMAT"),
    "no format": (b"{}", "ARTIFACT_FORMAT"),
    "another format": (b'{"format": "model"}', "ARTIFACT_FORMAT"),
    "no version": (b'{"format": "sparkscale-artifact"}', "ARTIFACT_INVALID"),
    "newer": (b'{"format": "sparkscale-artifact", "format_version": 2, "what": "ever"}', "ARTIFACT_NEWER"),
    "version true": (b'{"format": "sparkscale-artifact", "format_version": true}', "ARTIFACT_INVALID"),
    "cut": (GOOD[: len(GOOD) // 2], "ARTIFACT_INVALID"),
    "twice": (GOOD + GOOD, "ARTIFACT_INVALID"),
    "no checksum": (GOOD.replace(b'"checksum"', b'"checksun"'), "ARTIFACT_CHECKSUM"),
    "another checksum": (GOOD.replace(b'"sha256:', b'"sha256:0'), "ARTIFACT_CHECKSUM"),
    "another number": (GOOD.replace(b'"rows": 50', b'"rows": 51', 1), "ARTIFACT_CHECKSUM"),
    "NaN": (GOOD.replace(b'"gain": 1.0', b'"gain": NaN', 1), "ARTIFACT_INVALID"),
    "Infinity": (GOOD.replace(b'"gain": 1.0', b'"gain": -Infinity', 1), "ARTIFACT_INVALID"),
    "a key twice": (GOOD.replace(b"{", b'{"format": "sparkscale-artifact",', 1), "ARTIFACT_INVALID"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "ARTIFACT_INVALID"),
    "deep in a key": (b'{"a":' * 100_000, "ARTIFACT_INVALID"),
    "a number of many digits": (b"9" * 100_000, "ARTIFACT_INVALID"),
    "surrogate": (sealed(put("provenance", value={"x": "\ud800"})), ""),
}


@pytest.mark.parametrize("case", RAW)
def test_refuse_broken_bytes(case: str) -> None:
    data, code = RAW[case]
    if not code:
        document.load(data)
        return
    with pytest.raises(DataError) as caught:
        document.load(data, "stats/00000001.json")
    assert (caught.value.code, caught.value.exit_code) == (code, 65)
    assert caught.value.cause.startswith("stats/00000001.json: ")
    assert len(caught.value.line) < 500


#: Each is well-formed, and its checksum is right.
JUNK: list[Any] = [None, True, -1, 1.5, "x", [], {}, [None], 10**400]
PLACES: list[tuple[str | int, ...]] = [
    ("rows",), ("provenance",), ("stats",), ("steps",), ("steps", 0), ("steps", 0, "step"), ("steps", 0, "inputs"),
    ("steps", 0, "inputs", 0), ("steps", 0, "inputs", 0, "path"), ("steps", 0, "inputs", 0, "type"),
    ("steps", 0, "outputs"), ("steps", 0, "outputs", 0), ("steps", 0, "maps"), ("steps", 0, "maps", 0),
    ("steps", 0, "maps", 0, "kind"), ("steps", 0, "maps", 0, "scale"), ("steps", 0, "step", "kind"),
    ("steps", 0, "step", "ddof"), ("stats", "a"), ("stats", "a", "finite"), ("stats", "a", "mean"),
    ("stats", "a", "m2"), ("stats", "a", "exp"), ("stats", "a", "quantiles"),
]  # fmt: skip
#: What is no junk in its place.
FINE = {
    ("rows", "None"),
    ("provenance", "{}"),
    ("stats a quantiles", "None"),
    ("stats a m2", "1.5"),
    ("steps", "[]"),
    ("stats a exp", "-1"),
}
FINE |= {("steps 0 outputs 0", "'x'"), ("steps 0 inputs 0 type", "'x'"), ("steps 0 maps 0 scale", "1.5")}
CHANGES = [(at, junk) for at in PLACES for junk in JUNK if (" ".join(map(str, at)), repr(junk)) not in FINE]


@pytest.mark.parametrize(("at", "junk"), CHANGES, ids=[f"{' '.join(map(str, at))} = {str(j)[:9]}" for at, j in CHANGES])
def test_refuse_wrong_types_under_right_checksum(at: tuple[str | int, ...], junk: Any) -> None:
    with pytest.raises(DataError) as caught:
        document.load(sealed(put(*at, value=junk)))
    assert caught.value.exit_code == 65
    assert caught.value.cause.startswith("artifact: ")


#: A step less, and a field that has a default, are another artifact and no broken one.
PARTS = [at for at in PLACES if at not in {("steps", 0), ("steps", 0, "step", "ddof")}]


@pytest.mark.parametrize("at", PARTS, ids=[" ".join(map(str, at)) for at in PARTS])
def test_refuse_missing_parts_under_right_checksum(at: tuple[str | int, ...]) -> None:
    with pytest.raises(DataError):
        document.load(sealed(drop(*at)))


@pytest.mark.parametrize("kind", ["os.system", "__class__", "affine", ["minmax"], {"minmax": 1}])
def test_refuse_unknown_step(kind: Any) -> None:
    with pytest.raises(DataError):
        document.load(sealed(put("steps", 0, "step", "kind", value=kind)))


def test_refuse_row_map_in_column_step() -> None:
    softmax = next(s for s in json.loads(GOOD)["steps"] if s["step"]["kind"] == "softmax")
    with pytest.raises(DataError, match="a map that is not one of step 'standard'"):
        document.load(sealed(put("steps", 0, "maps", 0, value=softmax["maps"][0])))


def test_refuse_huge_file_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="expected at most 1,000 bytes") as caught:
        document.load(b"[" * 1001)
    assert caught.value.exit_code == 65


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=150)
def test_refuse_any_flipped_byte(at: int, flip: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= flip
    try:
        content = json.loads(bytes(data).decode("utf-8"))
    except ValueError:
        content = None
    if content == json.loads(GOOD):
        return  # white space for white space
    with pytest.raises(DataError) as caught:
        document.load(bytes(data))
    assert caught.value.exit_code == 65
