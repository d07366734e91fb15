"""Paths, locks, atomic exchange, manifests and announcements of what is published. Needs no Spark."""
