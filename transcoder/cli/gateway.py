"""The command `transcoder run` is here."""

from typing import Annotated

import typer

from transcoder.cli.arguments import ConfigPath
from transcoder.cli.failure import end_at_once, errors_end_the_command, fail
from transcoder.exit_codes import OK


def run(
    config: ConfigPath,
    log_json: Annotated[
        bool | None,
        typer.Option("--log-json/--log-text", help="Log JSON lines, or text; by default text on a terminal only."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C, which end it in order; a second one kills it."""
    import gc  # noqa: PLC0415

    gc.disable()  # nothing of what is imported goes again, and looking for what does takes a tenth of the start
    import asyncio  # noqa: PLC0415

    import uvloop  # noqa: PLC0415  # --help stays fast

    from transcoder import kernel  # noqa: PLC0415
    from transcoder.app import App, run_until_stopped  # noqa: PLC0415
    from transcoder.config import load_file  # noqa: PLC0415
    from transcoder.logs import configure_logs  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    kernel.forbid_core_dumps()
    kernel.forbid_inspection()  # from here on passwords are read
    with errors_end_the_command():
        file = load_file(config)
        try:
            configure_logs(json=log_json, level=log_level)
        except ValueError as error:
            raise fail(f"--log-level: {error}") from None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_until_stopped(App(config, file)))
            end_at_once(OK)
