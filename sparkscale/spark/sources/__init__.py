"""How tables and files are read, value by value as they are."""
