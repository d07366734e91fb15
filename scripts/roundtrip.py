"""Send every type through every pair of formats on every engine, and compare what comes out with what went in.

    scripts/roundtrip [--engine NAME] [--only TEXT] [--quick] [--random N] [--seed N] [--json] [--read FILE]
        [--write FILE]

Exit code 1 where a value, a type, a null or a text changed in silence, or ordinary input ended with a crash.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from roundtrips import engines, page
from roundtrips.cells import OUTPUTS, pairs
from roundtrips.kinds import KINDS
from roundtrips.writers import WRITERS

_QUICK = ("parquet", "csv", "delta", "parquet/k")


def main() -> int:
    """Judge the cells, print the tables, return 1 where a cell is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=engines.SESSIONS, help="all by default")
    parser.add_argument("--input", action="append", choices=WRITERS, help="all by default; /k: columns are partitions")
    parser.add_argument("--output", action="append", choices=OUTPUTS, help="all by default")
    parser.add_argument("--only", action="append", metavar="TEXT", help="types whose names have this in them")
    parser.add_argument("--quick", action="store_true", help=f"inputs and outputs {', '.join(_QUICK)}")
    parser.add_argument("--random", type=int, metavar="N", help="instead: random tables, as many on each engine")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same random tables again")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.add_argument("--read", action="append", metavar="FILE", type=Path, help="try nothing: verdicts by --json")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the page of the documentation")
    options = parser.parse_args()
    chosen = options.engine or list(engines.SESSIONS)
    if options.random:
        return _search(chosen, options.random, options.seed)
    usual = (_QUICK, _QUICK) if options.quick else (tuple(WRITERS), OUTPUTS)
    wanted = list(pairs(options.input or usual[0], options.output or usual[1]))
    names = [name for name in KINDS if any(text in name for text in options.only or [""])]
    found = _tried(chosen, wanted, names) if not options.read else {}
    for file in options.read or []:
        found |= page.parsed(file.read_text(encoding="utf-8"))
    if options.write:
        options.write.write_text(page.whole(found), encoding="utf-8")
    if options.json:
        print(page.as_json(found))
    else:
        print(page.whole(found))
    wrong = list(page.wrong(found))
    print("\n".join(wrong), file=sys.stderr)
    return int(bool(wrong))


def _tried(chosen: list[str], wanted: list[tuple[str, str]], names: list[str]) -> page.Verdicts:
    """Judge the cells on each engine; print a line for each pair."""
    found: page.Verdicts = {}
    for engine in chosen:
        for source, target, verdicts, took in engines.judged(engine, wanted, names):
            found[engine, source, target] = verdicts
            print(page.line(engine, source, target, verdicts, took), file=sys.stderr, flush=True)
    return found


def _search(chosen: list[str], examples: int, seed: int) -> int:
    """Try random tables; 1 where one goes wrong."""
    print(f"seed {seed}", file=sys.stderr)
    found = {engine: engines.searched(engine, examples, seed) for engine in chosen}
    for engine, said in found.items():
        print(f"{engine}: {said or f'{examples} random tables, nothing wrong'}")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
