"""What a run prints: tables and text."""
