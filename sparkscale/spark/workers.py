"""What the functions that run in Spark's Python workers do beside their work."""

from __future__ import annotations

import sys
from zipimport import zipimporter


def forget_packages_in_archives() -> None:
    """Take the finders of packages inside zip archives out of Python's cache; those of the archives stay.

    At the start of each task a worker calls ``importlib.invalidate_caches``. Until Python 3.12 each of these finders
    then reads all names in its archive: 0.3 s a task for the 20 packages that a worker imports out of ``pyspark.zip``.
    Python makes a finder again when it looks for another module of its package.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter) and finder.prefix:
            del sys.path_importer_cache[path]
