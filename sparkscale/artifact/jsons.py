"""Strict JSON, and checksums of it: for the documents that a store holds, which may be damaged or hostile."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def parse(data: bytes) -> Any:
    """Read JSON in UTF-8.

    Raises:
        ValueError: at NaN, infinities, numbers beyond a double, and keys that stand twice.
        RecursionError: at deep nesting.
    """
    return json.loads(data.decode("utf-8"), parse_float=_finite, parse_constant=_refuse, object_pairs_hook=_unique)


def checksum(document: Mapping[str, Any]) -> str:
    """Return ``sha256:<hex>`` of a document, keys sorted, no white space."""
    return "sha256:" + hashlib.sha256(compact(document)).hexdigest()


def compact(document: Mapping[str, Any]) -> bytes:
    """Return a document's bytes on one line without white space: keys sorted."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def text(document: Mapping[str, Any]) -> bytes:
    """Return a document's bytes: keys sorted, one newline at the end."""
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.20} is beyond what a double holds")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document
