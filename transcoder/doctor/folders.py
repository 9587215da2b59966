"""The state's folder and what lies in it: could a gateway keep its changes here, and can it read those that it kept?"""

from pathlib import Path

from transcoder.doctor.finding import Finding, Subject
from transcoder.service.audit import find_break
from transcoder.service.state_folder import USUAL_BYTES, folder_problem, space_of
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.service.store import StoreError

_UNWRITABLE = "no change of a stream would be taken; see No disk in docs/runbook.md"
_UNREADABLE = "see No state in docs/runbook.md"


async def folders(subject: Subject) -> list[Finding]:
    """Look at the folder of the state, at the changes that were kept and at the audit log."""
    if subject.file is None:
        return []
    folder = subject.file.config.state_dir
    if folder is None:
        return [Finding(check="state folder", level="ok", text="state_dir is null: nothing is kept")]
    return [folder_finding(folder), *_kept(folder)]


def folder_finding(folder: Path) -> Finding:
    """Say whether a gateway of this user can keep its state in a folder."""
    if problem := folder_problem(folder):
        return Finding(check="state folder", level="error", text=problem, advice=_UNWRITABLE)
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    free = space_of(nearest).free_bytes
    text = f"{folder} can be {'written' if nearest == folder else 'made'}, {free >> 20} MiB are free"
    if free < USUAL_BYTES:
        return Finding(check="state folder", level="warning", text=text, advice=f"have {USUAL_BYTES >> 20} MiB free")
    return Finding(check="state folder", level="ok", text=text)


def _kept(folder: Path) -> list[Finding]:
    try:
        kept, records = read_kept(folder), read_audit(folder)
    except (StoreError, OSError) as error:
        return [Finding(check="state", level="error", text=str(error), advice=_UNREADABLE)]
    if kept is None or records is None:
        return [Finding(check="state", level="ok", text="nothing was kept yet")]
    changed = len(kept.overlays)
    found = [Finding(check="state", level="ok", text=f"{changed} {'stream' if changed == 1 else 'streams'} changed")]
    if broken := find_break(records):
        advice = "somebody changed the database; compare with an export that is kept elsewhere"
        return [*found, Finding(check="audit", level="error", text=f"not whole: {broken}", advice=advice)]
    counted = f"{len(records)} {'record' if len(records) == 1 else 'records'}"
    return [*found, Finding(check="audit", level="ok", text=f"{counted}, whole")]
