"""The Spark engine: the only folder that imports pyspark.

Speaks the DataFrame API that Spark Connect has, so that one code base runs on Spark classic, on
any Spark Connect server and on Sail.
"""
