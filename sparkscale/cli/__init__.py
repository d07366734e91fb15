"""The command: groups of commands, printing and exit codes."""
