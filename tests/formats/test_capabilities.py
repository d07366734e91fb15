"""The table of what each format keeps: whole, and fit to be shown."""

from __future__ import annotations

from sparkscale.formats.capabilities import ENGINES, FORMATS, KINDS, PARTITIONS, READ, WRITTEN


def test_know_every_row_and_column() -> None:
    pairs = {(engine, format_) for engine in ENGINES for format_ in FORMATS}
    for table in (WRITTEN, PARTITIONS):
        assert table.keys() == pairs - {("sail", "orc"), ("sail", "iceberg")}
        assert {kind for verdicts in table.values() for kind in verdicts} <= set(KINDS)
    written = [found for table in (WRITTEN, PARTITIONS) for verdicts in table.values() for found in verdicts.values()]
    for found in (*written, *(one.verdict for table in READ.values() for one in table)):
        assert (found.kept != "exact") == bool(found.why)
        assert found.hint


def test_name_types_for_people() -> None:
    """No regular expression is left in the page."""
    assert not [one.name for table in READ.values() for one in table if set(one.name) & set("\\*?|[")]
