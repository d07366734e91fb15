"""Reviewed texts: what errors, reports and help say is in files beside the tests, so that a change of wording is one diff.

A test gives a text to the fixture ``snapshot``. It must equal what ``tests/snapshots/FOLDER/MODULE.txt`` has under the
name of the test. With ``--renew`` the files are written instead, in the order of the tests, without those that are gone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).with_suffix("")
_HEAD = "Reviewed texts of {module}. Renew: scripts/test --renew {module}; then read the diff aloud.\n"
_MARK = "== "


def place(module: str) -> Path:
    """Return the file of a test module, such as ``tests/cli/test_cli.py``."""
    return FOLDER / Path(module).relative_to("tests").with_suffix(".txt")


def read(module: str) -> dict[str, str]:
    """Return the texts of a module by the names of its tests; none where it has no file."""
    file = place(module)
    if not file.exists():
        return {}
    _, *sections = f"\n{file.read_text(encoding='utf-8')}".split(f"\n{_MARK}")
    named = (section.partition("\n") for section in sections)
    return {name: "\n".join(line[2:] for line in text.rstrip("\n").split("\n")) for name, _, text in named}


def write(module: str, texts: Mapping[str, str]) -> None:
    """Write the texts of a module."""
    file = place(module)
    file.parent.mkdir(parents=True, exist_ok=True)
    parts = [_HEAD.format(module=module)]
    for name, text in texts.items():
        lines = (f"  {line}".rstrip() for line in text.split("\n"))
        parts.append("\n".join([f"{_MARK}{name}", *lines, ""]))
    file.write_text("\n".join(parts), encoding="utf-8")


def stale(tests: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the texts of modules whose tests are no longer there, by module and name."""
    return [f"{module}::{name}" for module, names in tests.items() for name in read(module).keys() - set(names)]


class Snapshots:
    """The texts of one test run: to compare with, or to renew."""

    def __init__(self, *, renew: bool) -> None:
        self.renew = renew
        self.tests: dict[str, list[str]] = {}

    def match(self, module: str, name: str, text: str) -> None:
        """Compare a text with the one on file, or write it there."""
        text = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
        known = read(module)
        if known.get(name) == text:
            return
        if self.renew:
            order = self.tests.get(module, [])
            known = {**known, name: text}
            write(module, {one: known[one] for one in [*order, *known] if one in known})
            return
        found = difflib.unified_diff(known.get(name, "").split("\n"), text.split("\n"), "on file", "found", lineterm="")
        raise AssertionError(
            "\n".join([f"{place(module).relative_to(FOLDER.parents[1])}, {name}:", *found, _HEAD.format(module=module)])
        )

    def prune(self) -> None:
        """Remove the texts of tests that are no longer there."""
        for module, names in self.tests.items():
            known = read(module)
            if known.keys() - set(names):
                write(module, {name: text for name, text in known.items() if name in set(names)})
