"""What is known about a column: counts, moments, quantile sketches, and how they merge.

Imports NumPy and the standard library only.
"""
