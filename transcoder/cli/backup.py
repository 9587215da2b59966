"""The commands `transcoder backup` and `transcoder restore` are here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from transcoder.cli.failure import errors_end_the_command, fail
from transcoder.cli.interruption import ended_as_by_ctrl_c

if TYPE_CHECKING:
    from transcoder.backup.make import Made
    from transcoder.backup.restore import Restored

DEFAULT_CONFIG: Final = Path("gateway.yaml")

_Paths = Annotated[
    list[Path],
    typer.Argument(help="The configuration file, gateway.yaml without one, and the backup.", metavar="[CONFIG] FILE"),
]


def backup(
    paths: _Paths,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="With the files of passwords, tokens and keys that CONFIG names.")
    ] = False,
) -> None:
    """Write configuration, runtime changes, audit log and keys into one file, also while the gateway runs."""
    from transcoder.backup.make import make_backup  # noqa: PLC0415  # --help stays fast

    config, target = _split(paths)
    with errors_end_the_command(), ended_as_by_ctrl_c():  # nothing is left behind
        made = make_backup(config or DEFAULT_CONFIG, target, secrets=secrets)
    _tell_backup(made, target)


def restore(
    paths: _Paths,
    state_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For the state; needed where CONFIG's folder had it not.")
    ] = None,
) -> None:
    """Put the configuration and state of a backup back, whole or not at all, and keep aside what was there."""
    from transcoder.backup.restore import restore_backup  # noqa: PLC0415  # --help stays fast

    config, archive = _split(paths)
    with errors_end_the_command(), ended_as_by_ctrl_c():
        restored = restore_backup(archive, config, state_dir)
    _tell_restore(restored)


def _split(paths: list[Path]) -> tuple[Path | None, Path]:
    if len(paths) > 2:
        raise fail("give CONFIG and FILE, or FILE alone")
    return paths[0] if len(paths) == 2 else None, paths[-1]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tell_backup(made: "Made", target: Path) -> None:
    manifest = made.manifest
    size = sum(member.bytes for member in manifest.files)
    typer.echo(f"{target}: {_counted(len(manifest.files), 'file')}, {size} bytes, and a manifest of their SHA-256")
    if manifest.head:
        typer.echo(f"the audit log has {_counted(manifest.records, 'record')}, head {manifest.head}")
    elif not any(member.place[0] == "state" for member in manifest.files):
        typer.echo("no state was kept yet: the backup has the configuration alone", err=True)
    if made.broken:
        typer.echo(f"warning: the audit log is not whole: {made.broken}", err=True)
    for name in made.left_out:
        typer.echo(
            f"not in the backup: {name} (--secrets takes files of secrets in CONFIG's folder, hidden ones never)",
            err=True,
        )


def _tell_restore(restored: "Restored") -> None:
    from transcoder.config import load_file  # noqa: PLC0415
    from transcoder.errors import ConfigError  # noqa: PLC0415

    manifest = restored.manifest
    typer.echo(
        f"restored: the backup of {manifest.node} of {manifest.made_at}, {_counted(len(manifest.files), 'file')}"
    )
    typer.echo(f"configuration: {restored.config}")
    if restored.state_dir is not None:
        typer.echo(
            f"state: {restored.state_dir}, {_counted(manifest.records, 'audit record')}, head {manifest.head or 'none'}"
        )
    if restored.broken:
        typer.echo(f"warning: the audit log was not whole in the backup: {restored.broken}", err=True)
    for path in restored.aside:
        typer.echo(f"what was there before: {path}")
    try:
        file = load_file(restored.config)
    except ConfigError as error:
        typer.echo(f"warning: the gateway does not start with it yet:\n{error}", err=True)
        return
    names = {member.name for member in manifest.files}
    folder = restored.config.absolute().parent
    for path in file.files:
        found = path.absolute()
        if found != restored.config.absolute() and f"config/{found.relative_to(folder)}" not in names:
            typer.echo(f"warning: {path} is included, too, and is not of the backup", err=True)
    named = file.config.state_dir
    if restored.state_dir is not None and (named is None or named.resolve() != restored.state_dir.resolve()):
        typer.echo(f"warning: state_dir in the file is {named or 'null'}: correct it", err=True)
