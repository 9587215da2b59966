"""The program starts here: as `python -m transcoder`, and as the console script.

Before anything runs there is nothing to end in order, and a signal kills the process: a shell shows 130 for Ctrl-C and
143 for SIGTERM. Python's own way would be a traceback out of whatever is imported just then. `run` and the commands
that print what they have take the signals over when they begin.

Until the first line here runs, some twenty milliseconds after the start, Ctrl-C ends Python in its own way: it looks
after the signal before it reads its first program.
"""

import _signal  # type: ignore[import-not-found]  # the module signal imports others for as long as Python itself starts


def main() -> None:
    """Run the command line."""
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from transcoder.cli.main import main as run  # noqa: PLC0415  # imports take a while, and Ctrl-C ends them

    run()


if __name__ == "__main__":
    main()
