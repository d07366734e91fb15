"""How the suite is dealt to two processes, and which cases the small setting keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import dealing, small


def items(*nodeids: str) -> list[Any]:
    return [SimpleNamespace(nodeid=nodeid) for nodeid in nodeids]


def test_keep_together_what_shares_a_port_or_a_cluster() -> None:
    assert dealing.company("tests/connect/test_a.py::test[x::y]") == dealing.company("tests/connect/test_b.py::test")
    assert dealing.company("tests/cluster/test_a.py::test") != dealing.company("tests/connect/test_a.py::test")
    assert dealing.company("tests/spark/test_a.py::test") != dealing.company("tests/spark/test_b.py::test")


def test_deal_the_longest_first_and_keep_each_one_s_order() -> None:
    known = "tests/spark/test_power.py::test"
    many = [f"tests/maps/test_new.py::test_{n}" for n in range(500)]
    new = [f"tests/spark/test_new.py::test_{n}" for n in range(20)]
    found = [item.nodeid for item in dealing.longest_first(items("tests/cli/test_a.py::test", *many, *new, known))]
    assert found == [known, *new, *many, "tests/cli/test_a.py::test"]


def test_keep_cases_by_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "KEPT", {"a.py::test": ("one-*", "two"), "b.py::test": ("gone-*",), "c.py::test": ()})
    kept = [f"a.py::test[{case}]" for case in ("one-1", "one-2", "two", "two-1", "three")]
    assert [small.is_small(nodeid) for nodeid in kept] == [True, True, True, False, False]
    assert (small.is_small("c.py::test"), small.is_small("d.py::test[x]")) == (False, True)
    assert small.unknown([*kept, "b.py::test[here]", "c.py::test"]) == ["b.py::test[gone-*]"]


def test_leave_out_engines_of_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "WITHOUT", {"a/b/": ("connect",), "c.py": ("sail",)})
    left = ("a/b/d.py::test[connect]", "a/b/d.py::test[connect-x]", "c.py::test[x-sail]")
    assert not any(map(small.is_small, left))
    assert all(map(small.is_small, ("a/b/d.py::test[sail]", "a/b.py::test[connect]", "c.py::test")))


def test_keep_some_of_many_cases_on_spark() -> None:
    name, other = "tests/spark/test_a.py::test", "tests/maps/test_a.py::test[1]"
    many = [f"{name}[{number}]" for number in range(9)]
    assert small.spread(name, many, 3) == [many[0], many[4], many[8]]
    assert small.spread(name, many[:2], 3) == many[:2]
    kept = small.small([*many, other])
    assert (len(kept), other in kept, kept == small.small([*many, other])) == (2, True, True)


def test_keep_other_cases_of_other_tests() -> None:
    """Of ten tests with a case an engine, each engine keeps some."""
    kept = small.small([f"tests/spark/test_a.py::test_{n}[{engine}]" for n in range(10) for engine in "abc"])
    assert {nodeid[-2] for nodeid in kept} == set("abc")


def test_know_only_modules_that_there_are(pytestconfig: pytest.Config) -> None:
    assert [module for module in dealing._LONG if not (pytestconfig.rootpath / module).is_file()] == []
    named = {test.partition("::")[0] for test in (*small.KEPT, *small.MORE)}
    assert [module for module in named if not (pytestconfig.rootpath / module).is_file()] == []
    assert [place for place in small.WITHOUT if not (pytestconfig.rootpath / place).exists()] == []
