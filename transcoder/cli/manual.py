"""`python -m transcoder.cli.manual FOLDER` writes the man page, from the same help that the commands print."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from transcoder.cli.main import command_line
from transcoder.cli.version import version_text
from transcoder.product import NAME

FILE_NAME = f"{NAME}.1"
_EXIT_STATUS = (
    ("0", "It is done; of a command that answers a question: yes."),
    ("1", "The answer is no: not clean, not reachable, not whole."),
    ("2", "The command line, the configuration or the machine does not allow it."),
    ("130", "Ctrl-C ended it before there was an answer."),
)


def man_page() -> str:
    """Return the man page in the macros of man(7)."""
    command: Any = typer.main.get_command(command_line())
    context = command.make_context(NAME, [], resilient_parsing=True)
    product = version_text().splitlines()[0]
    lines = [f'.TH {NAME.upper()} 1 "" "{product}" "User Commands"', ".SH NAME", f"{NAME} \\- {_text(command.help)}"]
    lines += [".SH SYNOPSIS", f".B {NAME}", "COMMAND [OPTIONS] [ARGUMENTS]", ".SH OPTIONS", *_options(command, context)]
    lines.append(".SH COMMANDS")
    lines += _commands(command, context)
    lines.append(".SH EXIT STATUS")
    for code, meaning in _EXIT_STATUS:
        lines += [".TP", f".B {code}", meaning]
    return "\n".join(lines) + "\n"


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        below = command.make_context(name, [], parent=context, resilient_parsing=True)
        if hasattr(command, "list_commands"):
            yield from _commands(command, below)
            if not command.invoke_without_command:
                continue
        yield f".SS {_text(' '.join([below.command_path, *command.collect_usage_pieces(below)]))}"
        yield _text(command.help)
        yield from _options(command, below)


def _options(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        yield from (".TP", f".B {_text(record[0])}", _text(record[1]) or "\\&")


def _text(words: str) -> str:
    """Return words on one line, in which man finds no request of its own."""
    line = " ".join(words.split()).replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{line}" if line.startswith(".") else line


def main(arguments: list[str]) -> None:
    """Write the man page into the folder that is named, and say where it is."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise SystemExit(__doc__)
    folder = Path(arguments[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE_NAME).write_text(man_page(), encoding="utf-8")
    except OSError as error:
        raise SystemExit(f"the man page can't be written: {error.filename}: {error.strerror}") from None
    sys.stdout.write(f"man -l {folder / FILE_NAME}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
