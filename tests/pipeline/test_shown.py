"""What a fitted pipeline shows of itself: its lines, its table for notebooks, and names without control characters."""

from __future__ import annotations

import re

import numpy as np

import sparkscale as ss
from sparkscale.artifact import document
from sparkscale.report import tables


def test_print_what_was_fitted() -> None:
    table = {"<x>": np.arange(1200.0), "b": np.zeros(1200)}
    whole = ss.Pipeline([ss.MaxAbs("<x>"), ss.Softmax(["<x>", "b"], into="p&{column}")]).fit_arrays(table)
    lines = ["maxabs: <x>: (x - 0.0) / 1199.0", "softmax: <x>, b -> p&<x>, p&b: softmax(x)"]
    assert repr(whole).splitlines() == ["Fitted on 1,200 rows, 2 steps", *(f"  {line}" for line in lines)]
    html = whole._repr_html_()
    assert "<caption>Fitted on 1,200 rows</caption>" in html
    rows = [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", html)]
    assert rows == [
        ["step", "formula", "rows", "nulls", "NaN", "inf", "min", "max", "mean", "std"],
        ["maxabs", "&lt;x&gt;: (x - 0.0) / 1199.0", "1,200", "0", "0", "0", "0", "1199", "599.5", "346.41"],
        ["softmax", "&lt;x&gt;, b -&gt; p&amp;&lt;x&gt;, p&amp;b: softmax(x)", *[""] * 8],
    ]
    assert "<x>" not in html
    rows_alone = ss.Pipeline([ss.Softmax(["<x>", "b"])]).fit_arrays(table)
    assert repr(rows_alone).splitlines()[0] == "Fitted on no rows (row steps need none), 1 step"


HOSTILE = "x\x1b]0;owned\x07\x1b[31m\r\n\u202e\x9b"


def test_escape_for_people_what_a_terminal_obeys() -> None:
    whole = ss.Pipeline([ss.MinMax(HOSTILE, into="é🚀{column}"), ss.Softmax([HOSTILE, "b"], into="p_{column}")])
    found = document.load(document.dump(whole.fit_arrays({HOSTILE: [1.0, 1.0], "b": [1.0, 2.0]})))
    shown = [tables.provenance_text({"spark": HOSTILE, HOSTILE: [HOSTILE]}), *found.warnings, *repr(found).split("\n")]
    shown += [cell for row in tables.describe(found) for cell in row] + [item.label for item in found.applications]
    assert all(text.isprintable() for text in shown)
    assert "é🚀x\\x1b]0;owned\\x07\\x1b[31m\\r\\n\\u202e\\x9b: " in repr(found)
    assert found.get_feature_names_out()[0] == f"é🚀{HOSTILE}"
