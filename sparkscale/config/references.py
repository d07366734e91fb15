"""References in the values of a job file, and what they are filled in with.

``${env:NAME}`` and ``${env:NAME:-default}`` are a variable of the environment, ``${file:/run/secrets/x}`` is the UTF-8
text of a file without the newline at its end (64 KB at most), ``${date}`` and ``${run_id}`` are the run's own.
What comes from the environment or from a file is a secret, and is never printed.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sparkscale.errors import Problem

#: Bytes of a file that is referred to; a certificate chain has 10 KB.
MAX_BYTES = 65_536
_REFERENCE = re.compile(
    r"\$\{(?:env:(?P<env>[A-Za-z_]\w*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?|file:(?P<file>[^${}]+)|(?P<own>date|run_id))\}"
)
_NEAR = re.compile(r"\$\{[^}]*\}?")
_FORMS = "${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${date} or ${run_id}"


@dataclass(frozen=True)
class References:
    """What references can mean in one run."""

    environ: Mapping[str, str]
    own: Mapping[str, str]
    #: Values that came from the environment or from files.
    secrets: list[str] = field(default_factory=list)

    def fill(self, text: str, place: str, problems: list[Problem]) -> str:
        """Return a value with its references filled in; what is wrong with them is added to ``problems``."""
        unknown = (match[0] for match in _NEAR.finditer(text) if not _REFERENCE.fullmatch(match[0]))
        problems += [Problem("CONFIG_ENV", f"{place}: expected {_FORMS}, found {name!r:.80}") for name in unknown]

        def one(match: re.Match[str]) -> str:
            found = self._value(match)
            if isinstance(found, str):
                return found
            problems.append(Problem(found.code, f"{place}: {found.cause}", found.hint))
            return match[0]

        return _REFERENCE.sub(one, text)

    def _value(self, match: re.Match[str]) -> str | Problem:
        if match["own"]:
            return self.own[match["own"]]
        if match["env"] and match["env"] not in self.environ and match["default"] is not None:
            return match["default"]
        found = _file(match["file"]) if match["file"] else self._variable(match["env"])
        if isinstance(found, str) and found and found not in self.secrets:
            self.secrets.append(found)
        return found

    def _variable(self, name: str) -> str | Problem:
        if name not in self.environ:
            hint = f"set it, or give a default: ${{env:{name}:-default}}"
            return Problem("CONFIG_ENV", f"environment variable {name} is not set", hint)
        if not _is_text(self.environ[name]):
            return Problem("CONFIG_ENV", f"environment variable {name}: expected UTF-8 text, found other bytes")
        return self.environ[name]


def refers(text: str) -> bool:
    """Whether a text holds a reference."""
    return _REFERENCE.search(text) is not None


def _file(path: str) -> str | Problem:
    """Return the text of a file; a pipe, to which nobody may write, is not waited for."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return _refused(path, "a regular file", "something else")
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        found = (getattr(error, "strerror", None) or str(error)).lower()
        return _refused(path, "a file that can be read", found, "mount it, or fix its path or permissions")
    if len(data) > MAX_BYTES:
        return _refused(path, f"at most {MAX_BYTES:,} bytes", "more")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _refused(path, "UTF-8 text", "other bytes")
    if "\0" in text:
        return _refused(path, "UTF-8 text", "a zero byte")
    return text.removesuffix("\n").removesuffix("\r")


def _refused(path: str, expected: str, found: str, hint: str = "is this the right file?") -> Problem:
    return Problem("CONFIG_FILE_REFERENCE", f"file {path!r:.200}: expected {expected}, found {found}", hint)


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
