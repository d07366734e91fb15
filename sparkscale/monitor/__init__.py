"""Monitoring: drift from a baseline, expectations, metrics. Over statistics alone; imports `stats` and `scalers`.

A drift measure is one class in a file of `measures/`, registered by being defined.
"""
