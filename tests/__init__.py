"""Tests of sparkscale: those that need no JVM here, those that need one in ``tests/spark``."""
