"""Lets mkdocstrings read our docstrings: it knows Markdown, and they have roles and bare examples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))
from docstrings import in_markdown


class Markdown(griffe.Extension):
    """Rewrites each docstring when its object has been loaded."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of an object, sections and all."""
        if obj.docstring:
            obj.docstring.value = in_markdown(obj.docstring.value)
