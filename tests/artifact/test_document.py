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
from sparkscale.artifact import document, envelope
from sparkscale.errors import DataError
from tests.samples import NAMES, fitted

finite = st.floats(allow_nan=False, allow_infinity=False)

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
            d = x * map_["prescale"] - map_["center"] * map_["prescale"] - map_["center_lo"]
            y = (d / map_["scale"] * map_["gain"] + map_["offset"]) * map_["postscale"]
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
    """Return the artifact with a change, and a checksum that fits."""
    content = copy.deepcopy(json.loads(document.dump(WHOLE)))
    change(content)
    content.pop("checksum", None)
    bare = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    content["checksum"] = "sha256:" + hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
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
    "a number beyond a double": (GOOD.replace(b'"rows": 50', b'"rows": 1e999', 1), "ARTIFACT_INVALID"),
    "surrogate": (sealed(put("provenance", value={"x": "\ud800"})), "ARTIFACT_INVALID"),
    "surrogate in a name": (sealed(put("steps", 0, "outputs", 0, value="\udfff")), "ARTIFACT_INVALID"),
}


@pytest.mark.parametrize("case", RAW)
def test_refuse_broken_bytes(case: str) -> None:
    data, code = RAW[case]
    with pytest.raises(DataError) as caught:
        document.load(data, "stats/00000001.json")
    assert (caught.value.code, caught.value.exit_code) == (code, 65)
    assert caught.value.cause.startswith("stats/00000001.json: ")
    assert caught.value.cause.count("stats/00000001.json") == 1
    assert len(caught.value.line) < 500


def test_refuse_nesting_that_can_be_read_and_not_checked() -> None:
    for depth in range(700, 1010):
        nest = b'"provenance": {"x": ' + b"[" * depth + b"]" * depth + b","
        with pytest.raises(DataError) as caught:
            document.load(GOOD.replace(b'"provenance": {', nest, 1))
        assert caught.value.exit_code == 65


#: Each is well-formed, and its checksum is right.
JUNK: list[Any] = [None, True, -1, 1.5, "x", [], {}, [None], 10**400]
PLACES: list[tuple[str | int, ...]] = [
    ("rows",), ("provenance",), ("stats",), ("steps",), ("steps", 0), ("steps", 0, "step"), ("steps", 0, "inputs"),
    ("columns",), ("columns", 0), ("columns", 0, "name"), ("columns", 0, "type"), ("columns", 0, "nullable"),
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
    ("stats a exp", "-1"),
}
FINE |= {("steps 0 outputs 0", "'x'"), ("columns 0 nullable", "True"), ("steps 0 maps 0 scale", "1.5")}
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


def of_kind(kind: str) -> int:
    """Return the index of the step of that kind."""
    return next(i for i, step in enumerate(json.loads(GOOD)["steps"]) if step["step"]["kind"] == kind)


#: What only a field's declared type separates from good, each in a step of a kind that has the field.
MISFITS: list[tuple[str, str, Any]] = [
    ("minmax", "clip", "yes"), ("minmax", "clip", 1), ("minmax", "range", [0, 10**400]), ("minmax", "range", [0]),
    ("standard", "with_mean", "false"), ("standard", "into", 5), ("standard", "ddof", 1.0),
    ("softmax", "temperature", 10**400), ("softmax", "temperature", "1"), ("unit_norm", "norm", None),
    ("standard", "columns", [{"dtype": "zzz"}]), ("standard", "columns", [{"dtyp": "numeric"}]),
    ("standard", "columns", [{"except": "a"}]), ("standard", "columns", [5]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "value"), MISFITS)
def test_refuse_fields_of_another_type(kind: str, name: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"^artifact: {name}[^ ]*: (expected .*, found |unknown key 'dtyp')") as caught:
        document.load(sealed(put("steps", of_kind(kind), "step", name, value=value)))
    assert (caught.value.code, caught.value.exit_code) == (
        "CONFIG_KEY" if "dtyp'" in caught.value.cause else "CONFIG_VALUE",
        65,
    )


@pytest.mark.parametrize(("part", "value"), [
    ("path", "a"), ("path", []), ("path", {"a": 1}), ("outputs", "xy"), ("outputs", {"x": 1, "y": 2}),
])  # fmt: skip
def test_refuse_text_or_nothing_for_a_list(part: str, value: Any) -> None:
    at: tuple[str | int, ...] = ("inputs", 0, "path") if part == "path" else (part,)
    step = of_kind("standard")
    with pytest.raises(DataError, match=r"expected (a list|names), found ") as caught:
        document.load(sealed(put("steps", step, *at, value=value)))
    assert caught.value.code == "ARTIFACT_INVALID"


def test_refuse_statistics_that_no_step_needs() -> None:
    with pytest.raises(DataError, match=r"steps that need statistics of \[\], and statistics of \['") as caught:
        document.load(sealed(put("steps", value=[])))
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)
    nothing = ss.Pipeline([]).fit_arrays({})
    assert document.load(document.dump(nothing)) == nothing


def test_refuse_to_write_half_a_character() -> None:
    half = ss.Pipeline([ss.MinMax("\ud800")]).fit_arrays({"\ud800": [0.0, 1.0]})
    with pytest.raises(DataError, match="expected names and provenance in Unicode") as caught:
        document.dump(half)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_TEXT", 65)
    caught.value.line.encode("utf-8")


@pytest.mark.parametrize("kind", ["os.system", "__class__", "affine", ["minmax"], {"minmax": 1}])
def test_refuse_unknown_step(kind: Any) -> None:
    with pytest.raises(DataError):
        document.load(sealed(put("steps", 0, "step", "kind", value=kind)))


@pytest.mark.parametrize("kind", ["os.system", 5, None, True])
def test_name_the_unknown_step(kind: Any) -> None:
    with pytest.raises(DataError, match=r"artifact: unknown step ") as caught:
        document.load(sealed(put("steps", 0, "step", "kind", value=kind)))
    assert repr(str(kind)) in caught.value.cause
    assert "minmax" in caught.value.hint


def test_refuse_row_map_in_column_step() -> None:
    softmax = next(s for s in json.loads(GOOD)["steps"] if s["step"]["kind"] == "softmax")
    with pytest.raises(DataError, match="a map that is not one of step 'standard'"):
        document.load(sealed(put("steps", of_kind("standard"), "maps", 0, value=softmax["maps"][0])))


def test_refuse_huge_file_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "MAX_BYTES", 1000)
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
