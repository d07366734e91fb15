"""Schemas, column selection, plans, schema drift, and the pipeline before and after its fit. Needs no Spark."""
