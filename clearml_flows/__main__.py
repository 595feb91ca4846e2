"""`python -m clearml_flows` is the command `flows`, for entries of the machine's scheduler."""

from clearml_flows.cli.main import main

main(prog_name="flows")
