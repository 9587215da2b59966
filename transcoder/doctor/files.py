"""Who may read and change the gateway's files."""

from transcoder.config.permissions import loose_permissions
from transcoder.doctor.finding import Finding, Subject


async def permissions(subject: Subject) -> list[Finding]:
    """Look for files with secrets that everybody may read, and files that everybody may change."""
    if subject.path is None or subject.file is None:
        return []
    found = []
    for line in loose_permissions(subject.path, subject.file):
        text, _, advice = line.rpartition(": ")
        found.append(Finding(check="files", level="warning", text=text, advice=advice))
    return found or [Finding(check="files", level="ok", text="nobody else may read secrets or change the state")]
