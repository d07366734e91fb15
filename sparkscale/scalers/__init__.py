"""The rules that turn statistics into maps: one file per family, THE extension point. Imports `stats` and `maps`.

Every module of this folder is imported here, and a scaler registers by being defined: a new scaler is one new file.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
