"""The page that is made of the table of capabilities."""

from __future__ import annotations

from pathlib import Path

from sparkscale.formats.page import markdown

PAGE = Path(__file__).parents[2] / "docs" / "data-integrity.md"
MARK = "<!-- Generated: python -m tests.formats.test_page -->\n"


def test_keep_the_page_fresh() -> None:
    head, _, tables = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert head.startswith("# What is kept exactly\n")
    assert tables.strip() == markdown(), "run: python -m tests.formats.test_page"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(f"{text}{MARK}\n{markdown()}\n", encoding="utf-8")
