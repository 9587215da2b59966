"""Exit codes of every command."""

from typing import Final

OK: Final = 0
"""It is done; of a command that answers a question: yes."""
NO: Final = 1
"""The answer is no: not clean, not reachable, not whole."""
USAGE: Final = 2
"""The command line, the configuration or the machine does not allow it."""
INTERRUPTED: Final = 130
"""Ctrl-C ended it before there was an answer: 128 and the number of SIGINT, as a shell has it."""
