"""Maps as Spark expressions and UDFs, and the check of one against the other."""
