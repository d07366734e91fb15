"""Tests that a job keeps what passes through it, or refuses: types, texts, partitions, files.

Every engine runs as a process. Libraries without Spark read the results.

* ``values``: the columns to keep, as Arrow arrays.
* ``cases``: what a case is (input files, jobs, engines), how to build one, and how its files are written.
* ``marks``: decorators that say which engines and cases a test runs on.
* ``sessions``: a process with a session of one engine, and what became of a case in it.
* ``conftest``: the fixtures. A test asks ``done`` for a case by its name.
* ``readers``: reads the results and compares them exactly.
* ``test_*``: tests by theme. Each module has its ``CASES`` above its tests.
"""
