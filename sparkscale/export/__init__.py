"""A fitted pipeline in the form of another program, one file for each.

May import `artifact` and what is below it: pipeline, scalers, maps, stats, errors. Not Spark, not the
job file. The other program's own library is imported inside `export`, and comes with the extra that the export names.
"""
