"""How far a run is: its state, the terminal's bar and the log's lines."""
