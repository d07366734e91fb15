"""The round-trip matrix: every type, through every pair of formats, on every engine, judged by independent readers."""
