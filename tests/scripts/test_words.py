"""The texts are plain English: pages, docstrings, comments, help and errors avoid the words that read like a translation."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What is avoided, and what to write instead.
AVOIDED = {
    r"be it": "whether ... or",
    r"(?<!ask )(?<!asks )(?<!asked )for it": "name what for",
    r"of these(?! \w)": "name them",
    r"as it (is|stands)(?! (written|compared))": "unchanged",
    r"(that|is) none of": "is not",
    r"else than": "other than",
    r"mend(s|ed|ing)?": "fix",
    r"(hold|held|holds|holding)( [\w'.-]+){1,5} against": "compare with",
    r"tells|told|telling": "report, show, say",
    r"who (needs|wants|takes|asks|asked)": "anyone who, if you",
    r"done once": "idempotent",
    r"for ever": "forever",
    r"nor (is|are|does|do|has|of)": "and ... not",
    r"less (some|itself)": "without",
    r"in the place of": "instead of",
    r"where there (is|are) (none|any)": "if there is",
    r"half a character": "an unpaired Unicode surrogate",
    r"otherwise than": "unless, not as",
    r"take that for": "mistake that for",
    r"wants? root": "requires root",
    r"1 (steps|rows|files|columns|problems)": "numbers agree with their nouns",
}
#: Where such a word is right.
EXCEPTED: tuple[str, ...] = ()
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_PATTERN = re.compile("|".join(rf"\b({words})\b" for words in AVOIDED), re.IGNORECASE)


def texts(path: Path, *, docstrings: bool = False) -> Iterator[tuple[int, str]]:
    """Yield what people read of a file, with its line: all of a page, and comments and strings of code.

    Of tests, whose strings are data, only the ``docstrings``.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from enumerate(source.splitlines(), 1)
    elif path.suffix == ".py":
        yield from _of_python(source, docstrings=docstrings)
    else:
        comments = ((number, line.partition("#")[2]) for number, line in enumerate(source.splitlines(), 1))
        yield from ((number, comment) for number, comment in comments if comment)


def _of_python(source: str, *, docstrings: bool) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in _docstrings(source) if docstrings else ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield from enumerate(node.value.split("\n"), node.lineno)


def _docstrings(source: str) -> Iterator[ast.AST]:
    for node in ast.walk(ast.parse(source)):
        first = node.body[0] if isinstance(node, _DOCUMENTED) and node.body else None
        if isinstance(first, ast.Expr):
            yield first.value


def files() -> list[Path]:
    """Return every file with text."""
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    suffixes = {".md", ".py", ".sh", ".toml", ".yaml", ".yml", ""}
    return [ROOT / name for name in kept if Path(name).suffix in suffixes]


def found(text: str) -> list[str]:
    """Return what the words that a text should avoid could be replaced by."""
    flags = re.IGNORECASE
    return [f"{words}: {instead}" for words, instead in AVOIDED.items() if re.search(rf"\b({words})\b", text, flags)]


def test_avoid_words_of_a_translation() -> None:
    named = [(path, path.relative_to(ROOT).as_posix()) for path in files()]
    read = [(name, texts(path, docstrings=name.startswith("tests/"))) for path, name in named]
    places = ((name, line, text) for name, found_ in read for line, text in found_)
    wrong = [(f"{name}:{line}: {text.strip()}", found(text)) for name, line, text in places if _PATTERN.search(text)]
    assert [item for item in wrong if not item[0].startswith(EXCEPTED)] == []


def test_find_the_words_of_a_text() -> None:
    assert found("Take another for it, be it as it is.") == [
        "be it: whether ... or", "(?<!ask )(?<!asks )(?<!asked )for it: name what for", "as it (is|stands)(?! (written|compared)): unchanged",
    ]  # fmt: skip
    assert found("It holds the one against the other.")
    assert found("nan: true asks for it; one of these values; mender, nornir, a teller, 11 rows") == []


def test_read_comments_and_strings_of_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        '"""One two\\nthree."""\nname = "key"  # four\nraise ValueError(f"five {name} six")\n'
    )
    assert sorted(texts(tmp_path / "a.py")) == [(1, "One two"), (2, "# four"), (2, "three."), (3, " six"), (3, "five ")]
    assert sorted(texts(tmp_path / "a.py", docstrings=True)) == [(1, "One two"), (2, "# four"), (2, "three.")]
    (tmp_path / "a.yaml").write_text("key: value  # one\n")
    assert list(texts(tmp_path / "a.yaml")) == [(1, " one")]
