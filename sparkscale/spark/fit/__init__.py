"""Statistics by Spark: queries, scans and the fit."""
