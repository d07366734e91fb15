"""The rules that turn statistics into maps. Imports `stats` and `maps`."""
