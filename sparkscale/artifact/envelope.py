"""What is around an artifact's content: its format, version and checksum, and errors that name the artifact."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sparkscale.artifact import jsons
from sparkscale.errors import DataError, SparkscaleError, shown

FORMAT = "sparkscale-artifact"
FORMAT_VERSION = 1
#: An artifact of 2,000 features with sketches is 70 MB; larger files are refused unread.
MAX_BYTES = 256 * 1024 * 1024


def checksum(document: Mapping[str, Any]) -> str:
    """Return the checksum of a document that has none. Raises :class:`DataError` (65) for text that is no Unicode."""
    try:
        return jsons.checksum(document)
    except UnicodeEncodeError as error:
        cause = f"expected names and provenance in Unicode, found an unpaired Unicode surrogate in {error.object!r:.80}"
        raise DataError("ARTIFACT_TEXT", cause, "rename the column") from error


@contextlib.contextmanager
def worded(name: str) -> Iterator[None]:
    """Raise what is wrong with a document as a :class:`DataError` that names it."""
    try:
        yield
    except SparkscaleError as error:
        raise DataError(error.code, f"{name}: {error.cause}", error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        cause = f"{name}: its content is not that of an artifact: {error!r:.200}"
        raise DataError("ARTIFACT_INVALID", cause, "fit again, or restore the file") from error


def opened(data: bytes) -> dict[str, Any]:
    """Return the document in an artifact's bytes, its format, version and checksum checked."""
    if len(data) > MAX_BYTES:
        raise DataError("ARTIFACT_INVALID", f"expected at most {MAX_BYTES:,} bytes, found {len(data):,}")
    document = _parse(data)
    _check_envelope(document)
    return document


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = jsons.parse(data)
    except (ValueError, RecursionError) as error:
        found = f"other text ({str(error)[:120]})" if data else "an empty file"
        cause = f"expected a JSON artifact, found {found}"
        raise DataError("ARTIFACT_INVALID", cause, "fit again, or restore the file") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = shown(document.get("format")) if isinstance(document, dict) else f"a {type(document).__name__}"
        raise DataError("ARTIFACT_FORMAT", f"expected format {FORMAT!r}, found {found}", "is this the right file?")
    return document


def _check_envelope(document: Mapping[str, Any]) -> None:
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise DataError("ARTIFACT_INVALID", f"expected a format_version, found {str(version)[:80]!r}")
    if version > FORMAT_VERSION:
        raise DataError(
            "ARTIFACT_NEWER",
            f"its format is version {version}, this sparkscale reads up to {FORMAT_VERSION}",
            "upgrade sparkscale",
        )
    expected = jsons.checksum({key: value for key, value in document.items() if key != "checksum"})
    if document.get("checksum") != expected:
        raise DataError(
            "ARTIFACT_CHECKSUM",
            f"its content does not match its checksum (expected {expected[:19]}..., "
            f"found {str(document.get('checksum'))[:19]}...)",
            "the file was changed or damaged: restore it, or fit again",
        )
