"""Sessions: settings, failures, retries, shipping the package. Imports no other package of `spark`."""
