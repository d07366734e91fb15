"""The job file: its models, loading, overrides, references and secrets."""
