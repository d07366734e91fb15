"""The reviewed texts of tests: another text fails, `--renew` writes it, and a text whose test is gone is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import snapshots

MODULE = "tests/cli/test_toy.py"
TEXT = "first\n\n  third\n== not a name"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snapshots, "FOLDER", tmp_path / "tests" / "snapshots")
    return tmp_path / "tests" / "snapshots"


def test_renew_in_the_order_of_the_tests() -> None:
    renewing = snapshots.Snapshots(renew=True)
    renewing.tests = {MODULE: ["test_a", "test_b[x y]"]}
    renewing.match(MODULE, "test_b[x y]", TEXT)
    renewing.match(MODULE, "test_a", "a")
    assert list(snapshots.read(MODULE).items()) == [("test_a", "a"), ("test_b[x y]", TEXT)]
    renewing.match(MODULE, "test_a", "another")
    assert snapshots.read(MODULE)["test_a"] == "another"


def test_refuse_another_text() -> None:
    snapshots.write(MODULE, {"test_a": TEXT})
    compared = snapshots.Snapshots(renew=False)
    compared.match(MODULE, "test_a", TEXT)
    for name, text in (("test_a", TEXT.replace("third", "3rd")), ("test_b", TEXT)):
        with pytest.raises(AssertionError, match=r"cli/test_toy\.txt, test_[ab]:\n(.*\n)*\+(  3rd|first)"):
            compared.match(MODULE, name, text)
    assert snapshots.read(MODULE) == {"test_a": TEXT}


def test_find_a_text_whose_test_is_gone() -> None:
    snapshots.write(MODULE, {"test_a": "a", "test_gone": "b"})
    assert snapshots.stale({MODULE: ["test_a"]}) == [f"{MODULE}::test_gone"]
    renewing = snapshots.Snapshots(renew=True)
    renewing.tests = {MODULE: ["test_a"]}
    renewing.prune()
    assert snapshots.read(MODULE) == {"test_a": "a"}


def test_know_nothing_of_a_module_without_texts(folder: Path) -> None:
    assert snapshots.read(MODULE) == {}
    assert snapshots.place(MODULE) == folder / "cli" / "test_toy.txt"
