"""Where metrics are appended: one file for each format, found by its name. May import `sources` and `session`."""
