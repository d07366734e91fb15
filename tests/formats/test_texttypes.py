"""Types of text columns: the forms of numbers, held against Python's own arithmetic."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.formats import texttypes
from sparkscale.formats.texttypes import EMPTY, LOOSE, PLAIN, TEXT, WHOLE, Wanted, decide, is_text

NOT_PLAIN = [
    "00123", "-0", "+1", "1.", ".5", "12D", "1f", "0x1A", "1_000", "1,000", " 1", "1 ", "1e400", "1e999", "NaN", "Inf",
    "Infinity", "true", "2026-01-02", "08:15:00", "", "-", "1-2", "--1", "1e", "e5", "٣", "1\n",
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text in NOT_PLAIN if text != "-0"])
def test_take_no_other_text_for_a_simple_number(text: str) -> None:
    assert not re.fullmatch(texttypes.SIMPLE_FORM, text)


@pytest.mark.parametrize("text", [text for text in NOT_PLAIN if text != "-0"])
def test_take_no_other_text_for_a_plain_number(text: str) -> None:
    assert not re.fullmatch(texttypes.PLAIN_FORM, text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_take_what_python_prints_for_a_double(value: float) -> None:
    text = repr(value)
    assert re.fullmatch(texttypes.LOOSE_FORM, text)
    if abs(value) < 1e299 and (abs(value) > 1e-299 or value == 0):
        assert re.fullmatch(texttypes.PLAIN_FORM, text)


@given(st.from_regex(texttypes.LOOSE_FORM, fullmatch=True).filter(lambda text: len(text) < texttypes.LONGEST))
def test_read_loose_numbers_as_numbers_in_range(text: str) -> None:
    value = float(text)
    assert (
        math.isnan(value) or "Infinity" in text or math.isfinite(value) or re.search(r"e\+?30[78]", text, re.IGNORECASE)
    )


@given(st.from_regex(texttypes.PLAIN_FORM, fullmatch=True).filter(lambda text: len(text) <= texttypes.LONGEST))
def test_lose_no_plain_number_to_the_range_of_doubles(text: str) -> None:
    value, exact = float(text), Decimal(text)
    assert math.isfinite(value)
    assert (value == 0) == (exact == 0)


@given(st.from_regex(texttypes.SIMPLE_FORM, fullmatch=True))
def test_take_every_simple_number_for_a_plain_one(text: str) -> None:
    assert re.fullmatch(texttypes.PLAIN_FORM, text)


@given(st.from_regex(texttypes.PLAIN_FORM, fullmatch=True).filter(lambda text: len(text) <= texttypes.SHORT))
def test_lose_no_digit_of_a_short_number(text: str) -> None:
    if re.search("[.eE]", text):
        assert Decimal(repr(float(text))) == Decimal(text)


@given(st.integers(-(10**20), 10**20))
def test_hold_whole_numbers_against_64_bits_as_text(value: int) -> None:
    text = str(value)
    bound = texttypes.LEAST if value < 0 else texttypes.MOST
    fits = len(text) < len(bound) or (len(text) == len(bound) and text <= bound)
    assert (bool(re.fullmatch(texttypes.SIMPLE_FORM, text)) and fits) == (-(2**63) <= value < 2**63)


@pytest.mark.parametrize(
    ("mask", "named", "known", "type_"),
    [
        (WHOLE, False, None, "bigint"),
        (PLAIN, False, None, "double"),
        (WHOLE | PLAIN, False, None, "double"),
        (WHOLE | LOOSE, False, None, "string"),
        (WHOLE | LOOSE, True, None, "double"),
        (WHOLE | TEXT, True, None, "string"),
        (WHOLE | EMPTY, False, None, "bigint"),
        (EMPTY, False, None, "string"),
        (None, False, None, "string"),
        (None, True, None, "double"),
        (None, False, "bigint", "bigint"),
        (WHOLE, False, "double", "double"),
        (WHOLE, False, "string", "string"),
        (PLAIN, True, "bigint", "double"),
        (WHOLE, False, "int", "int"),
        (TEXT, True, "double", "string"),
        (TEXT, False, "date", "string"),
    ],
)
def test_decide_a_type(mask: int | None, named: bool, known: str | None, type_: str) -> None:
    wanted = Wanted(frozenset({"x"} if named else ()), {"x": known} if known else {})
    assert decide({"x": mask}, wanted).types == {"x": type_}


def test_tell_which_numbers_have_quoted_nothing_beside_them() -> None:
    assert decide({"a": WHOLE | EMPTY, "b": TEXT | EMPTY}, Wanted()).quoted == {"a"}


@pytest.mark.parametrize(
    ("value", "named", "alone"),
    [("a", False, True), ("007", False, True), ("007", True, False), ("1.5", False, False), ("12D", True, True),
     ("", False, False), (None, False, False), ("NaN", True, False), ("NaN", False, True),
     ("1\n", False, True), ("1\n", True, True), ("1\r\n", False, True)],
)  # fmt: skip
def test_know_text_by_one_value(value: str | None, named: bool, alone: bool) -> None:
    assert is_text(value, "x", Wanted(frozenset({"x"} if named else ()))) == alone
