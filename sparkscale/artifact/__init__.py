"""A fitted pipeline as a JSON document, and the store of its versions."""
