"""Random tables over all types, by hypothesis, and what the jobs of an engine make of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from roundtrips.cells import OUTPUTS, Cells
from roundtrips.compare import WRONG
from roundtrips.kinds import Kind
from roundtrips.writers import WRITERS

_DAY_US = 86_400 * 10**6
#: The first and the last microsecond that Python, Spark and most others know.
_FIRST, _LAST = -719_162 * _DAY_US, 2_932_897 * _DAY_US - 1
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_AWKWARD = st.sampled_from(["", " ", "00501", "NA", "null", "NaN", '"', '""', "\\", "a,b", "a\nb", "a\r\nb", "/", "=",
                            "%20", "1e5", "12D", "2020-01-31", "08:15:00", "true", "-0", "😀", "#", "'"])  # fmt: skip


def _integers(bits: int, signed: int) -> st.SearchStrategy[int]:
    low = -(2 ** (bits - 1)) if signed else 0
    return st.integers(low, low + 2**bits - 1)


def _plain() -> dict[pa.DataType, st.SearchStrategy[Any]]:
    """Return the strategy of each type of single values."""
    found: dict[pa.DataType, st.SearchStrategy[Any]] = {}
    for bits in (8, 16, 32, 64):
        found[getattr(pa, f"int{bits}")()] = _integers(bits, 1)
        found[getattr(pa, f"uint{bits}")()] = _integers(bits, 0)
        if bits > 8:
            found[getattr(pa, f"float{bits}")()] = st.floats(width=bits)  # type: ignore[call-overload]
    for precision, scale in ((5, 0), (9, 2), (18, 18), (38, 0), (38, 10), (38, 38)):
        unscaled = st.integers(-(10**precision) + 1, 10**precision - 1)
        found[pa.decimal128(precision, scale)] = unscaled.map(
            lambda number, scale=scale: Decimal((number < 0, tuple(map(int, str(abs(number)))), -scale))
        )
    for unit, per in (("s", 10**6), ("ms", 10**3), ("us", 1)):
        for zone in (None, "UTC"):
            found[pa.timestamp(unit, zone)] = st.integers(_FIRST // per, _LAST // per)
    for zone in (None, "UTC"):
        found[pa.timestamp("ns", zone)] = st.integers(-(2**63) + 2**40, 2**63 - 2**40)
    days = st.integers(_FIRST // _DAY_US, _LAST // _DAY_US)
    text = _TEXT | _AWKWARD
    return found | {
        pa.bool_(): st.booleans(),
        pa.string(): text,
        pa.large_string(): text,
        pa.binary(): st.binary(max_size=8),
        pa.binary(3): st.binary(min_size=3, max_size=3),
        pa.date32(): days,
        pa.time32("ms"): st.integers(0, _DAY_US // 1000 - 1),
        pa.time64("us"): st.integers(0, _DAY_US - 1),
        pa.null(): st.none(),
        pa.dictionary(pa.int32(), pa.string()): text,
    }


_PLAIN = _plain()
#: What may be inside of lists, structs and maps: built from Python's own values.
_INNER = {type_: values for type_, values in _PLAIN.items()
          if not pa.types.is_temporal(type_) and not pa.types.is_null(type_) and type_ not in
          (pa.float16(), pa.dictionary(pa.int32(), pa.string()))}  # fmt: skip


@st.composite
def typed(draw: st.DrawFn, depth: int = 0) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """Draw a type and the strategy of its values."""
    known = _INNER if depth else _PLAIN
    shape = draw(st.sampled_from(["plain"] * 5 + ["list", "fixed", "struct", "map"] * (depth < 2)))
    if shape == "plain":
        return draw(st.sampled_from(list(known.items())))
    type_, values = draw(typed(depth + 1))
    values = st.none() | values
    if shape == "list":
        return pa.list_(type_), st.lists(values, max_size=3)
    if shape == "fixed":
        return pa.list_(type_, 2), st.lists(values, min_size=2, max_size=2)
    if shape == "struct":
        other, others = draw(typed(depth + 1))
        return pa.struct([("a", type_), ("b", other)]), st.fixed_dictionaries({"a": values, "b": st.none() | others})
    keys = st.lists(_TEXT | _AWKWARD, max_size=3, unique=True)
    return pa.map_(pa.string(), type_), keys.flatmap(
        lambda names: st.tuples(*(st.tuples(st.just(name), values) for name in names)).map(list)
    )


@st.composite
def kinds(draw: st.DrawFn) -> list[Kind]:
    """Draw the columns of a table."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        type_, values = draw(typed())
        rows = draw(st.lists(st.none() | values, min_size=1, max_size=12))
        found.append(Kind(f"r{number}", type_, tuple(rows)))
    return found


#: An input and an output.
PAIRS = st.tuples(st.sampled_from(tuple(WRITERS)), st.sampled_from(OUTPUTS))


def wrong(folder: Path, table: list[Kind], pair: tuple[str, str]) -> dict[str, str]:
    """Send a table through a pair of formats; return what is wrong with it, by column."""
    verdicts = Cells(folder).judge(*pair, table)
    return {name: verdict.detail for name, verdict in verdicts.items() if verdict.word == WRONG}


def search(folder: Path, examples: int, number: int) -> str:
    """Try random tables in this process's session; return the smallest that goes wrong, and what does."""
    found: list[str] = []

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, report_multiple_bugs=False,
              phases=[Phase.generate, Phase.shrink])  # fmt: skip
    @given(kinds(), PAIRS)
    def trial(table: list[Kind], pair: tuple[str, str]) -> None:
        if bad := wrong(folder, table, pair):
            shown = {kind.name: (str(kind.type), kind.values) for kind in table if kind.name in bad}
            found.append(f"{pair[0]} -> {pair[1]}: {shown}: {bad}")
            raise AssertionError(found[-1])

    try:
        trial()
    except AssertionError:
        return found[-1]
    return ""
