"""Maps as Spark expressions: the same numbers as the NumPy kernels, at no cost over reading and writing.

To give a map a native form, define one in a file of this folder: ``class SignForm(ColumnForm[Sign], of=Sign)``.
A map without one goes by the UDF engines.
"""

import importlib
import pkgutil

from sparkscale.spark.transform.native.base import FORMS, ColumnForm, Form, RowForm, columns_of, form_of
from sparkscale.spark.transform.native.scores import Scores

__all__ = ["FORMS", "ColumnForm", "Form", "RowForm", "Scores", "columns_of", "form_of"]

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
