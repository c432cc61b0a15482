"""The command line as `python -m checkpoint_eval`, where no script is on the path."""

from checkpoint_eval.cli import main

main()
