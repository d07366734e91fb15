"""How results are written and published."""
