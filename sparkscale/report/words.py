"""Numbers and nouns that agree, as errors have them."""

from __future__ import annotations

from sparkscale.errors import counted

__all__ = ["counted"]
