"""Every Markdown file: its links lead somewhere, and each of its blocks is run or compared by a test."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from sparkscale.cli.app import app
from sparkscale.config import jobfile

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """Return a page without its code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda match: match[0].replace("[", ""), text)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a forge gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page with their languages."""
    return re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def broken(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    found = []
    for link in _LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lead_every_link_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_link_every_page_from_the_first() -> None:
    docs = ROOT / "docs"
    linked = set(_LINK.findall("".join((docs / name).read_text() for name in ("index.md", "reference/steps.md"))))
    listed = {link.removeprefix("../") for link in linked}
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md") if page.parent.name != "design"}
    assert pages - {"index.md"} <= listed


def test_find_broken_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` title\n[a](#a-b-title) [b](#none) [c](none.md) [d](https://x.org) [e](page.md#no)\n")
    assert broken(page) == ["#none", "none.md", "page.md#no"]


def test_keep_the_top_level_as_agreed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {name.partition("/")[0] for name in done.stdout.splitlines()}
    folders = {".ci", "conf", "docs", "jobs", "scripts", "sparkscale", "tests"}
    pages = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
    assert found == {*folders, *pages, "pyproject.toml", ".gitignore", ".mkdocs.yml"}


# --- blocks -------------------------------------------------------------------------------------------------------

#: What runs a block: `tests/spark/test_readme.py` python, bash and job files; `tests/scripts/test_docs.py` the examples
#: of docstrings; `tests/spark/test_conf.py` the examples of `conf/`.
RUN = {"bash", "python", "yaml", "pycon"}
#: Blocks that no test can run, and why their content is right all the same.
SHOWN = {
    ("README.md", "sh"): "an installation; test_name_only_extras_that_exist",
    ("README.md", "text"): "output; tests/spark/test_readme.py compares it",
    ("docs/how-to/versions.md", "text"): "output; tests/artifact/test_page.py compares it",
    ("docs/how-to/read-the-report.md", "text"): "an example; tests/report/test_audit.py has lines of this form",
    ("docs/how-to/clusters.md", "sh"): "tests/scripts/test_packaging.py calls a spark-submit of its own",
    ("docs/design/002-the-house.md", "text"): "a picture of the layers in pyproject.toml; import-linter holds them",
    ("docs/tutorial-update.md", "text"): "output; tests/spark/test_readme.py compares it",
    ("docs/reference/artifact.md", "text"): "a docstring's picture of the document; generated",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_run_or_compare_every_block(page: Path) -> None:
    languages = {language for language, _ in blocks(page)} - RUN
    assert [one for one in languages if (str(page.relative_to(ROOT)), one) not in SHOWN] == []


def test_excuse_no_block_that_is_gone() -> None:
    assert [key for key in SHOWN if key[1] not in {language for language, _ in blocks(ROOT / key[0])}] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_load_every_job_file(page: Path, tmp_path: Path) -> None:
    for block in (block for language, block in blocks(page) if language == "yaml"):
        assert YAML(typ="safe").load(block)
        if re.search(r"^version: 1$", block, re.MULTILINE):
            (tmp_path / "job.yaml").write_text(block, encoding="utf-8")
            assert jobfile.load(str(tmp_path / "job.yaml"), environ={}).config.version == 1


def test_retry_only_what_may_succeed() -> None:
    """Kubernetes retries what the page says: 69, 74 and 75."""
    page = ROOT / "docs" / "how-to" / "schedulers.md"
    ((_, block),) = blocks(page)
    _, fails = YAML(typ="safe").load(block)["podFailurePolicy"]["rules"]
    known = re.findall(r"^\| (\d+) \|", (ROOT / "docs/reference/exit-codes.md").read_text("utf-8"), re.MULTILINE)
    assert {int(code) for code in known} - set(fails["onExitCodes"]["values"]) == {0, 69, 74, 75}


def test_keep_the_readme_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 650


# --- commands and names in the text -------------------------------------------------------------------------------


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the calls of `sparkscale` on a page, in its text and in its blocks, a word an item."""
    text = page.read_text(encoding="utf-8")
    shells = "\n".join(block for language, block in blocks(page) if language in {"bash", "sh"})
    for call in [*re.findall(r"`(sparkscale [^`\n]+)`", text), *re.findall(r"^(sparkscale .*)$", shells, re.MULTILINE)]:
        words = shlex.split(call.split(" || ")[0], comments=True)
        yield words[1 : words.index(">") if ">" in words else None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_call_only_commands_and_options_that_exist(page: Path) -> None:
    for name, *arguments in commands(page):
        if name.startswith(("-", "run |")) or "|" in arguments:  # of all commands together
            continue
        command = app.get_command(click.Context(app), name)
        if isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
            command = command.commands[arguments.pop(0)]
        assert command is not None, name
        known = {option for one in command.params for option in one.opts}
        assert {word.partition("=")[0] for word in arguments if word.startswith("-")} <= known, (name, arguments)


def test_name_only_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {name for page in PAGES for name in re.findall(r"sparkscale\[(\w+)\]", page.read_text("utf-8"))}
    assert named
    assert named <= extras.keys()


def test_call_only_scripts_that_exist() -> None:
    shells = "\n".join(block for page in PAGES for language, block in blocks(page) if language in {"bash", "sh"})
    named = set(re.findall(r"\bscripts/[\w.]+", shells))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
