"""The command `sparkscale`: groups of commands, printing, exit codes. May import every other package.

Each file with commands is a group, found by being in this folder:

    from sparkscale.cli.app import section

    command = section("Environment")

    @command()
    def hello() -> None:
        \"\"\"Say hello.\"\"\"

All of these files are imported for `--help`, so they import what is heavy inside their functions.
"""
