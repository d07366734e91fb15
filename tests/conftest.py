"""What all tests share. Imports no pyspark: the pure tests run where there is none."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sparkscale", deadline=None, derandomize=True, database=None, max_examples=200)
settings.load_profile("sparkscale")
