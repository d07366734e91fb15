"""The tables: a page of Markdown, a line for each pair while it runs, and what is wrong, gathered."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TypeAlias

from roundtrips.cells import OUTPUTS
from roundtrips.compare import NONE, WARNED, WRONG, Verdict
from roundtrips.kinds import KINDS
from roundtrips.writers import WRITERS
from sparkscale.formats.capabilities import LACKS

#: By engine, input and output: the verdict of each kind.
Verdicts: TypeAlias = dict[tuple[str, str, str], dict[str, Verdict]]
ENGINES = {"spark": "Spark", "connect": "Spark Connect", "sail": "Sail"}
_INTRO = """\
# What comes through unchanged

Each cell below is a job that scaled another column. An independent writer (pyarrow, deltalake, pyiceberg, or text by
hand) made the input. An independent reader (the same, and DuckDB for Parquet) compared every value bit for bit.
`scripts/roundtrip --write docs/round-trip.md` makes this page.

| word | meaning |
|---|---|
| exact | The type and every value are what they were. |
| wider | Every value is what it was. The type is a larger one of its kind, such as `int16` for `uint8`. |
| as text | The output holds text, and the text parses back to the same value. |
| warned | Something is lost. The job warns and names the column. |
| refused | The job stops with exit code 65 or 78, says why, and writes nothing. |
| WRONG | Something changed in silence, or the job crashed. This is a bug. |
| - | The input format has no such type. |

`csv + schema` is CSV with `input.schema`; `csv` is without. `parquet/k` has the column as a partition,
a folder `k=...`. A cell says what most engines do, and names the one that differs. Sail has neither ORC nor Iceberg:
it refuses such a job (78), and these cells are left out.
"""


def line(engine: str, source: str, target: str, verdicts: Mapping[str, Verdict], took: str) -> str:
    """Return one line for a pair."""
    counts = Counter(verdict.word for verdict in verdicts.values())
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return f"{engine:8} {source:>18} -> {target:10} {said} ({took})"


def whole(found: Verdicts) -> str:
    """Return the page: a summary, then a table for each input."""
    order = [(engine, source, target) for engine in ENGINES for source in WRITERS for target in OUTPUTS]
    found = {key: found[key] for key in order if key in found and not _lacks(*key)}
    parts = [_INTRO, "## In numbers", "", *_summary(found), "", f"By {_versions()}."]
    for source in dict.fromkeys(source for _, source, _ in found):
        parts += ["", f"## From {source}", "", *_table(source, found)]
    warned = [f"- {text} ({', '.join(names)})" for text, names in sorted(_warnings(found).items())]
    return "\n".join([*parts, *(["", "## Warnings", "", *warned] if warned else []), ""])


def _versions() -> str:
    names = {
        "PySpark": "pyspark",
        "Sail": "pysail",
        "pyarrow": "pyarrow",
        "deltalake": "deltalake",
        "PyIceberg": "pyiceberg",
    }
    return ", ".join(f"{name} {importlib.metadata.version(package)}" for name, package in names.items())


def _lacks(engine: str, source: str, target: str) -> bool:
    """Whether an engine has no such format."""
    return bool({source.removesuffix("/k"), target.removesuffix("/k")} & set(LACKS.get(engine, ())))


def as_json(found: Verdicts) -> str:
    """Return verdicts as JSON."""
    cells = {" | ".join(key): {name: asdict(verdict) for name, verdict in cell.items()} for key, cell in found.items()}
    return json.dumps(cells, ensure_ascii=False, indent=1)


def parsed(text: str) -> Verdicts:
    """Read what :func:`as_json` wrote."""
    found: Verdicts = {}
    for key, cell in json.loads(text).items():
        engine, source, target = key.split(" | ")
        found[engine, source, target] = {name: Verdict(**verdict) for name, verdict in cell.items()}
    return found


def _summary(found: Verdicts) -> Iterator[str]:
    words = list(dict.fromkeys(verdict.word for cell in found.values() for verdict in cell.values()))
    yield f"| engine | {' | '.join(words)} |"
    yield "|---" * (len(words) + 1) + "|"
    for engine in dict.fromkeys(engine for engine, _, _ in found):
        cells = (cell for (of, _, _), cell in found.items() if of == engine)
        counts = Counter(verdict.word for cell in cells for verdict in cell.values())
        yield f"| {ENGINES[engine]} | {' | '.join(f'{counts[word]:,}' for word in words)} |"


def _table(source: str, found: Verdicts) -> Iterator[str]:
    """Yield the rows of an input: a row a type, a column an output."""
    targets = list(dict.fromkeys(target for _, of, target in found if of == source))
    yield f"| type | {' | '.join(targets)} |"
    yield "|---" * (len(targets) + 1) + "|"
    for name in KINDS:
        words = [_cell(source, target, name, found) for target in targets]
        if set(words) != {NONE}:
            yield f"| {name} | {' | '.join(words)} |"


def _cell(source: str, target: str, name: str, found: Verdicts) -> str:
    """Return the word of most engines, and the words of the others with their names."""
    said = [(cell[name].word, ENGINES[engine]) for (engine, of, to), cell in found.items()
            if (of, to) == (source, target) and name in cell]  # fmt: skip
    counts = Counter(word for word, _ in said)
    most = max(counts, key=lambda word: counts[word], default=NONE)
    return "; ".join([most, *(f"{engine}: {word}" for word, engine in said if word != most)])


def _warnings(found: Verdicts) -> dict[str, list[str]]:
    """Return each warning without its columns, and the kinds that it was given for."""
    given: dict[str, dict[str, None]] = defaultdict(dict)
    for cell in found.values():
        for name, verdict in cell.items():
            if verdict.word == WARNED:
                text = re.sub(r" \[.*", "", verdict.detail, flags=re.DOTALL)
                given[re.sub(r"columns? 'c_\w+'(?:, 'c_\w+')*(?: and \d+ more)?", "a column", text)][name] = None
    return {text: list(names) for text, names in given.items()}


def wrong(found: Verdicts) -> Iterator[str]:
    """Yield what is wrong, in few lines: an engine, an input, the outputs and types, and what happened."""
    cells: dict[tuple[str, str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (engine, source, target), verdicts in found.items():
        for name, verdict in verdicts.items():
            if verdict.word == WRONG:
                cells[engine, source, _plain(verdict.detail)][target].append(name)
    for (engine, source, detail), targets in sorted(cells.items()):
        names = dict.fromkeys(name for each in targets.values() for name in each)
        yield f"{engine}: {source} -> {', '.join(targets)}: {', '.join(names)}: {detail}"


def _plain(detail: str) -> str:
    """Return a detail without what differs from cell to cell: folders and the column's name."""
    return re.sub(r"\bc_\w+", "C", re.sub(r"\S*/cell/[^/\s]+", "", detail)).replace("\n", " ")[:300]
