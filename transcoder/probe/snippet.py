"""A probe ends with the lines that make the camera a stream, to be pasted into the configuration file."""

import json
import re
from typing import Final

from transcoder.rtsp.auth import Credentials
from transcoder.url import Url

STREAM: Final = "camera"
"""The stream's id in the snippet; the operator's own word goes in its place."""
SECRET_FILE: Final = f"{STREAM}.secret"
VARIABLE: Final = "CAMERA_PASSWORD"
"""The variable that stands for a password in the URL itself: a file can't hold a part of a URL."""
_PASSWORD: Final = re.compile(r"(?i)(\b(?:pass(?:word|wd)?|pwd)=)[^&/;\s]*")


def snippet(url: Url, credentials: Credentials | None, transport: str) -> str:
    """Return YAML of a stream of this camera, which holds no password.

    Args:
        url: the URL that was probed.
        credentials: the user and password that were used, None for none.
        transport: the transport that was asked for; "auto" is the gateway's default, too.
    """
    written = url.text.replace("${", "$${")
    if credentials is not None and len(credentials.password) >= 3:
        written = written.replace(credentials.password, f"${{{VARIABLE}}}")
    written = _PASSWORD.sub(rf"\1${{{VARIABLE}}}", written)
    keys = [f"url: {json.dumps(written, ensure_ascii=False)}"]
    notes = []
    if f"${{{VARIABLE}}}" in written:
        notes.append(f"# {VARIABLE} of the environment holds the camera's password")
    if credentials is not None:
        keys.append(f"username: {json.dumps(credentials.username, ensure_ascii=False)}")
        keys.append(f"password_file: {SECRET_FILE}")
        notes.append(f"# {SECRET_FILE}, beside this file, holds the camera's password: chmod 600")
    if transport != "auto":
        keys.append(f"transport: {transport}")
    lines = ["streams:", *(f"  {note}" for note in notes), f"  {STREAM}:", "    source:"]
    return "\n".join([*lines, *(f"      {key}" for key in keys)])
