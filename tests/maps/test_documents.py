"""Maps as JSON: written and read again, and what is refused."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale import maps
from sparkscale.errors import DataError
from sparkscale.maps import Affine, Piecewise, SoftmaxMap, Undefined, UnitNormMap
from tests.maps.rows import INF, NAN, numbers, sizes

pairs = st.tuples(numbers, numbers)
policies = st.sampled_from(["keep", "error"])
clips = st.none() | pairs.map(lambda pair: (min(pair), max(pair)))
prescales = st.sampled_from([1.0, 0.5, maps.FINE])
masks, undefined = st.sampled_from(["null", "mask"]), st.sampled_from(["null", "zeros", "uniform", "error"])
MAPS = st.one_of(
    st.builds(
        Affine,
        numbers,
        sizes,
        sizes,
        numbers,
        prescales,
        clips,
        st.none() | pairs,
        numbers,
        st.sampled_from([1.0, 2.0]),
    ),
    st.just(Undefined()),
    st.builds(SoftmaxMap, policies, sizes, masks, undefined, st.booleans()),
    st.builds(UnitNormMap, policies, st.sampled_from(["l1", "l2", "max"]) | st.floats(1, 1e300)),
    st.builds(Piecewise.through, st.lists(numbers, min_size=2).map(sorted), st.sampled_from(["uniform", "normal"])),
)


@given(MAPS)
def test_round_trip_map(map_: maps.Map) -> None:
    text = json.dumps(map_.to_dict(), allow_nan=False)
    back = maps.from_dict(json.loads(text))
    assert back == map_
    assert json.dumps(back.to_dict()) == text
    assert map_.formula


def base64_of(knots: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(knots)}d", *knots)).decode()


def test_write_knots_as_base64_of_doubles() -> None:
    assert Piecewise.through([1.0, 2.5, 1e300]).to_dict()["knots"] == base64_of([1.0, 2.5, 1e300])


AFFINE, SOFTMAX, UNIT = Affine().to_dict(), SoftmaxMap().to_dict(), UnitNormMap().to_dict()
PIECEWISE = Piecewise.through([1.0, 2.0]).to_dict()
#: Per map, the values that each of these fields must refuse.
JUNK: list[tuple[dict[str, Any], str, list[Any]]] = [
    (
        AFFINE,
        "center center_lo scale gain offset prescale postscale",
        [None, "1", True, [1.0], [1.0, 2.0], {}, NAN, INF, -INF, 10**400],
    ),
    (AFFINE, "scale gain prescale", [0.0, -0.0, -1.0]),
    (AFFINE, "prescale", [0.25, 2.0]),
    (AFFINE, "postscale", [0.5, 0.0, -1.0, 4.0]),
    (
        AFFINE,
        "clip pin",
        [0, "", "ab", {}, [], [1], [1, 2, 3], ["0", "1"], [None, 1], [[1], 2], [NAN, 1.0], [0.0, INF]],
    ),
    (AFFINE, "clip pin", [[False, True], [10**400, 1]]),
    (AFFINE, "clip", [[5.0, -5.0]]),
    (SOFTMAX, "temperature", [0.0, -1.0, NAN, INF, None, "1", True, 10**400, [1.0, 2.0]]),
    (SOFTMAX, "nulls undefined nonfinite", ["no", None, True, 1, [], {}]),
    (SOFTMAX, "log", ["yes", None, 1, 0.0, []]),
    (UNIT, "norm nonfinite", ["l3", None, 0.5, ["l2"]]),
    (UNIT, "norm", [0, -1.0, NAN, INF, True, 10**400, "3", [2.0]]),
    (PIECEWISE, "output", ["no", None, True, 1, []]),
    (
        PIECEWISE,
        "knots",
        [None, 1, "", "?", "AAAA", [1.0, 2.0], *map(base64_of, ([], [1.0], [2.0, 1.0], [0.0, INF], [NAN, 1.0]))],
    ),
]
HOSTILE: list[Any] = [
    *(good | {name: value} for good, names, values in JUNK for name in names.split() for value in values),
    *(None, [1], "affine", {}, {"kind": ["affine"]}, {"kind": "pickle"}, {"kind": "affine"}, {"kind": "affine", 1: 2}),
    *(AFFINE | {"more": 1.0}, {k: v for k, v in AFFINE.items() if k != "pin"}, {"kind": "undefined", "more": 1}),
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_refuse_hostile_map(data: Any) -> None:
    with pytest.raises(DataError) as caught:
        maps.from_dict(data)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)
