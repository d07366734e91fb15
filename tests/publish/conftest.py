"""The ways to replace a folder."""

from __future__ import annotations

import pytest

from sparkscale.publish import filesystem
from tests.publish.folders import NO_EXCHANGE


@pytest.fixture(params=["exchange", "two renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replace a folder as this system does it best, and as one that cannot exchange two folders."""
    if request.param == "two renames":
        monkeypatch.setattr(filesystem, "EXCHANGE", NO_EXCHANGE)
    return str(request.param)
