"""The parts of `docs/` that are made from the code. Each file makes some; `blocks.py` puts them into the pages."""
