"""Exit codes and the error codes that end with them, found in the source."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import sparkscale
from docpages.docstrings import summary
from docpages.tables import table
from sparkscale import errors

_CODE = re.compile(r"[A-Z]{3,}(?:_[A-Z]+)*")
_EXITS = {cls.__name__: cls.exit_code for cls in errors.SparkscaleError.__subclasses__()}
#: A code of ours in a failure of the engine.
_PATTERN = re.compile(r"\(([A-Z_|]+)\)")
#: Problems are raised together, by a class that stands elsewhere.
_ALONE = {"Problem", "Mismatch"}
#: A failure whose class is its caller's choice.
_CHOSEN = {"STORE_FAILED": (73, 74)}


def exit_codes() -> str:
    """Return the table of exit codes: what each means, and its error codes."""
    codes = codes_by_exit()
    rows = [["0", "The job is done, by this run or an earlier one.", ""]]
    for cls in sorted(errors.SparkscaleError.__subclasses__(), key=lambda cls: cls.exit_code):
        listed = ", ".join(f"`{code}`" for code in sorted(codes[cls.exit_code]))
        rows.append([str(cls.exit_code), summary(cls.__doc__ or ""), listed])
    return table(["exit", "meaning", "error codes"], rows)


def codes_by_exit() -> dict[int, set[str]]:
    """Return the error codes of each exit code."""
    found: dict[int, set[str]] = defaultdict(set)
    for code, exits in _CHOSEN.items():
        found |= {exit_code: found[exit_code] | {code} for exit_code in exits}
    alone: dict[str, Counter[int]] = {}
    for folder in sorted({path.parent for path in Path(sparkscale.__file__).parent.rglob("*.py")}):
        nodes = [node for path in sorted(folder.glob("*.py")) for node in ast.walk(ast.parse(path.read_text("utf-8")))]
        together = Counter(exit_code for node in nodes if (exit_code := _together(node)))
        for exit_code, code in (pair for node in nodes for pair in _codes(node)):
            if exit_code:
                found[exit_code].add(code)
            else:
                alone[code] = alone.get(code, Counter()) + together
    known = [(exit_code, code) for exit_code, codes in found.items() for code in codes]
    for code in alone.keys() - {code for _, code in known}:
        found[_likely(code, known, alone[code])].add(code)
    return found


def _likely(code: str, known: list[tuple[int, str]], together: Counter[int]) -> int:
    """Return the exit code of a code that no class stands beside: its family's, else that of the folder's errors."""
    family = Counter(exit_code for exit_code, other in known if other.partition("_")[0] == code.partition("_")[0])
    ranked = (family or together).most_common(1)
    if not ranked:
        raise ValueError(f"expected the class of error code {code} beside it, found none; raise it where it is named")
    return ranked[0][0]


def _together(node: ast.AST) -> int | None:
    """Return the exit code of ``DataError.of``, which raises several problems at once."""
    if isinstance(node, ast.Attribute) and node.attr == "of" and isinstance(node.value, ast.Name):
        return _EXITS.get(node.value.id)
    return None


def _codes(node: ast.AST) -> Iterator[tuple[int | None, str]]:
    """Yield the error codes that an expression names, each with the exit code of the class beside it, if any."""
    if isinstance(node, ast.Call):
        values = [*node.args, *(word.value for word in node.keywords)]
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        exits = [_EXITS[one.id] for one in (node.func, *values) if isinstance(one, ast.Name) and one.id in _EXITS]
        if exits or called in _ALONE:
            yield from ((next(iter(exits), None), text) for text in _texts(values) if _CODE.fullmatch(text))
    if isinstance(node, ast.Tuple):
        exits = [_EXITS[one.id] for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in _EXITS]
        for match in filter(None, map(_PATTERN.fullmatch, _texts(node.elts))):
            yield from ((exit_code, code) for exit_code in exits for code in match[1].split("|"))


def _texts(values: list[ast.expr]) -> Iterator[str]:
    return (one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str))
