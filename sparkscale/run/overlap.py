"""Places of a job that must be apart, as far as the job file shows them: no engine is asked."""

from __future__ import annotations

from sparkscale.config.models import JobConfig
from sparkscale.config.tables import quoted
from sparkscale.errors import ConfigError
from sparkscale.places import check_apart, check_outside


def check_input(config: JobConfig) -> None:
    """Refuse an input that doesn't exist, an artifact or states inside the input, and metrics inside of anything else.

    Raises:
        InputMissingError: (66), ConfigError: (78).
    """
    config.input.check_exists()
    source = config.input.path
    if config.artifact is not None and source is not None:
        check_outside("artifact.path", config.artifact.path, "the input", source)
    if config.metrics is not None:
        others = {"the input": config.input, "the output": config.output, "the artifact": config.artifact}
        for name, other in others.items():
            if other is not None and other.path is not None:
                check_apart("metrics.path", config.metrics.path, name, other.path)
    if config.states is not None and source is not None:
        check_outside("states.path", config.states.path, "the input", source)
    if config.states is not None and config.artifact is not None:
        check_apart("states.path", config.states.path, "the artifact", config.artifact.path)


def check_output(config: JobConfig) -> None:
    """Refuse an output that overlaps the input, or holds artifact or states, as far as the job file shows.

    Raises:
        ConfigError: (78).
    """
    output, source = config.output, config.input
    if output is None:
        return
    both = output.table is not None and source.table is not None
    if both and quoted(output.table or "") == quoted(source.table or ""):
        cause = f"output.table: {output.table} is also the input"
        raise ConfigError("CONFIG_OVERLAP", cause, "choose another table")
    if output.path is not None and source.path is not None:
        check_apart("output.path", output.path, "the input", source.path)
    if output.path is not None and config.artifact is not None:  # which would go with the old output
        check_outside("artifact.path", config.artifact.path, "the output", output.path)
    if output.path is not None and config.states is not None:
        check_outside("states.path", config.states.path, "the output", output.path)
