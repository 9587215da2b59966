"""The program starts here: as `python -m transcoder`, and as the console script.

Before anything runs there is nothing to end in order, and a signal kills the process: a shell shows 130 for Ctrl-C and
143 for SIGTERM. Python's own way would be a traceback out of whatever is imported just then. `run` and the commands
that print what they have take the signals over when they begin.
"""

import signal


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from transcoder.cli.main import main as run  # noqa: PLC0415  # imports take a while, and Ctrl-C ends them

    run()


if __name__ == "__main__":
    main()
