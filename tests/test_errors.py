"""Errors: exit codes, hints, the last line of a failed run, and the way from a worker to the driver."""

from __future__ import annotations

import ast
import copy
import math
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sparkscale import errors
from sparkscale.errors import ConfigError, DataError, Problem, SparkscaleError, nearest

#: BSD sysexits.h: EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_SOFTWARE, EX_CANTCREAT, EX_IOERR,
#: EX_TEMPFAIL, EX_NOPERM, EX_CONFIG.
EXIT_CODES = {
    "UsageError": 64,
    "DataError": 65,
    "InputMissingError": 66,
    "UnfitEnvironmentError": 69,
    "InternalError": 70,
    "OutputError": 73,
    "StorageError": 74,
    "TemporaryError": 75,
    "AccessError": 77,
    "ConfigError": 78,
}
MISSING = DataError("SCHEMA_MISSING", "column 'dep_dely' is not in flights", "did you mean 'dep_delay'?")


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_exit_by_sysexits(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


def test_exit_of_every_child_is_known() -> None:
    assert {child.__name__ for child in SparkscaleError.__subclasses__()} == set(EXIT_CODES)


def test_print_last_line_with_hint() -> None:
    assert MISSING.line == (
        "sparkscale: error[SCHEMA_MISSING] column 'dep_dely' is not in flights; did you mean 'dep_delay'? (exit 65)"
    )


def test_print_cause_alone_without_hint() -> None:
    assert str(DataError("X", "expected a, found b")) == "expected a, found b"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_print_one_line_whatever_breaks_it(newline: str) -> None:
    line = DataError("X", f"first{newline}second").line
    assert len(line.splitlines()) == 1
    assert "first second" in line


def test_carry_one_problem_by_default() -> None:
    assert MISSING.problems == (Problem(MISSING.code, MISSING.cause, MISSING.hint),)


def test_join_all_problems_in_one_error() -> None:
    problems = [Problem("A", "a is wrong", "mend a"), Problem("B", "b is wrong")]
    error = ConfigError.of(problems)
    assert type(error) is ConfigError
    assert error.problems == tuple(problems)
    assert error.code == "A"
    assert str(error) == "2 problems:\n  a is wrong; mend a\n  b is wrong"
    assert error.cause == "2 problems, the first: a is wrong"
    assert error.line == "sparkscale: error[A] 2 problems, the first: a is wrong; mend a (exit 78)"


def test_join_single_problem_keeps_its_words() -> None:
    assert str(ConfigError.of([Problem("A", "a is wrong")])) == "a is wrong"


def test_catch_config_error_as_value_error() -> None:
    with pytest.raises(ValueError, match="range: wrong"):
        raise ConfigError("CONFIG_VALUE", "range: wrong")


@pytest.mark.parametrize("name", EXIT_CODES)
def test_pickle_keeps_type_and_problems(name: str) -> None:
    error = getattr(errors, name).of([Problem("A", "a", "mend a"), Problem("B", "b")])
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(copied) is type(error)
        assert (copied.problems, copied.line) == (error.problems, error.line)


def test_suggest_nearest_name() -> None:
    assert nearest("dep_dely", ["arr_delay", "dep_delay", "year"]) == "did you mean 'dep_delay'?"


def test_suggest_nothing_far_away() -> None:
    assert nearest("zzz", ["arr_delay", "dep_delay"]) == ""


@pytest.mark.parametrize(("value", "text"), [
    (None, "null"), (True, "true"), (1.5, "1.5"), (math.inf, "Infinity"), ("a", "'a'"), ("it's", '"it\'s"'),
    ((1, None), "[1, null]"), ({"a": [True]}, '{"a": [true]}'), ({1: 2}, '{"1": 2}'), (np.array([1, 2]), "[1, 2]"),
    ((np.int8(3), 0), "[3, 0]"), (1 + 0j, '"(1+0j)"'), ({(1, 2): 3}, "a value of type dict"),
    ("x" * 78, f"'{'x' * 78}'"), ("x" * 79, f"'{'x' * 76}..."),
])  # fmt: skip
def test_show_a_value_as_a_job_file_has_it(value: object, text: str) -> None:
    assert errors.shown(value) == text


def test_show_a_number_of_more_digits_than_python_writes() -> None:
    assert errors.shown(10**5000) == "a value of type int"


def test_hint_at_the_nearest_key_or_all() -> None:
    assert errors.nearest_or_all("colums", ["kind", "columns"]) == "did you mean 'columns'?"
    assert errors.nearest_or_all("x", iter(["kind", "columns"])) == "the keys here are columns, kind"


# --- the page of exit codes ---------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[1]
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and name.endswith("Error")}


def raised() -> Iterator[tuple[str, int | None]]:
    """Yield the error codes that the source names, each with the exit code of its class where it stands beside it."""
    for file in sorted((ROOT / "sparkscale").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                names = [call.func.id, *(one.id for one in call.args if isinstance(one, ast.Name))]
                kinds = [KINDS[name] for name in names if name in KINDS]
                if kinds or call.func.id == "Problem":
                    texts = (one.value for one in call.args if isinstance(one, ast.Constant))
                    codes = (
                        text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z]{3,}[A-Z_]*", text)
                    )
                    yield from ((code, kinds[0].exit_code if kinds else None) for code in codes)


def test_list_every_error_code_with_its_exit_code() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \|[^|]*\| (.*) \|$", page, re.MULTILINE))
    found = set(raised())
    assert len(found) > 80
    wrong = [(code, exit_code) for code, exit_code in found if exit_code and f"`{code}`" not in rows[str(exit_code)]]
    assert (wrong, [code for code, _ in found if f"`{code}`" not in page]) == ([], [])
