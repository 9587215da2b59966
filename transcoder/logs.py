"""The logs hold one line an event on stderr, for people or as JSON, with no credentials in them.

structlog and the standard library's logging (uvicorn, aiomqtt, warnings) end in one handler and one chain, whose last
step before rendering removes credentials from every value, exception texts included. Removing too much is fine,
removing too little is not: a camera's password in a log outlives the camera.
"""

import base64
import binascii
import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from typing_extensions import override

from transcoder.terminal_log import TerminalRenderer, has_colours

REMOVED: Final = "***"

MAX_NESTING: Final = 8
"""The largest number of levels of a value that are logged; a value that holds itself would go on for ever."""

MAX_USERINFO: Final = 2048
"""The largest number of characters of userinfo that are searched for its end: a long password that is percent-encoded
has three times its length."""

_QUIET: Final = ("asyncio", "numba")
"""The loggers whose debug lines concern nobody here; numba writes thousands for each kernel."""

_PARTS: Final = {"uvicorn.error": "http"}
"""The names that the lines of libraries have here: uvicorn writes its good news as uvicorn.error."""

_SECRET_KEYS: Final = re.compile(
    r"(?i)(.*[_-])?(pass(word|wd)?|pwd|token|secret|authorization|credentials?|cnonce|nonce|stream_key)"
)

# matches "://user:pw@" up to the last @ of the run: a password may hold a raw / ? # or @, which a correct URL can't
_USERINFO: Final = re.compile(rf"://[^\s\"<>]{{0,{MAX_USERINFO}}}@")
_ENCODED_USERINFO: Final = re.compile(rf"(?i)(%3a%2f%2f)[^\s\"<>&]{{0,{MAX_USERINFO}}}%40")
# matches to the end of the line, be it a real one or, in a bytes literal, \r\n as four characters
_AUTHORIZATION: Final = re.compile(r"(?i)(authorization\\?[\"']?\s*[:=,]\s*).*?(?=\\r|\\n|[\r\n]|$)")
_BASIC: Final = re.compile(r"(?i)\b(basic\s+)([A-Za-z0-9+/]{2,}={0,2})")
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{12,}")
_NONCE: Final = re.compile(r"(?i)\b(c?nonce\s*=\s*)(\\?[\"'][^\"'\\]*\\?[\"']?|[^\s,;\"'\\]+)")
# an unquoted value matches only where it looks like a hash: response=200 is a status
_RESPONSE: Final = re.compile(r"(?i)\b(response\s*=\s*)(\\?[\"'][^\"'\\]*\\?[\"']?|[0-9a-f]{16,})")
# matches /user=admin&password=pw&channel=1, also with _ for & (Xiongmai, H264DVR) and percent-encoded
_PARAMETER: Final = re.compile(
    r"(?i)(?<![a-z])((?:login)?(?:user(?:_?name)?|usr|use|password|passwd|pass|pas|pwd|token)(?:=|%3d))"
    r"(?:\\?\"[^\"\\]*|\\?'[^'\\]*|(?:(?!_[a-z]+(?:=|%3d)|%26)[^&\s\"<>])*)"
)
# matches "password": "pw", as in JSON and in the repr of a mapping; also ('password', 'pw')
_MEMBER: Final = re.compile(
    r"(?i)((?:pass(?:word|wd)?|pwd|token|secret)\\?[\"']\s*[:,]\s*)(?:b?\\?\"[^\"]*\"|b?\\?'[^']*')"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_AND_BREAKS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


_ERASED: Final = "\r\x1b[K"
"""The line on which the cursor stands is empty then, on every terminal since the VT100."""


def redact(text: str) -> str:
    """Remove credentials from a text.

    Credentials are: userinfo of URLs, also percent-encoded; values of Authorization headers; Digest responses and
    nonces; user and password parameters wherever in a URL they stand; quoted values of keys such as `password`.

    Args:
        text: any text; work is linear in its length.

    Returns:
        The text with `***` in place of each credential.
    """
    if "@" in text:
        text = _USERINFO.sub(f"://{REMOVED}@", text)
    if "%40" in text:
        text = _ENCODED_USERINFO.sub(rf"\g<1>{REMOVED}%40", text)
    if ":" in text or "=" in text or "," in text or "%3" in text:
        text = _AUTHORIZATION.sub(rf"\g<1>{REMOVED}", text)
        text = _NONCE.sub(rf"\g<1>{REMOVED}", text)
        text = _RESPONSE.sub(rf"\g<1>{REMOVED}", text)
        text = _PARAMETER.sub(rf"\g<1>{REMOVED}", text)
        text = _MEMBER.sub(rf"\g<1>{REMOVED}", text)
    text = _BEARER.sub(rf"\g<1>{REMOVED}", text)
    return _BASIC.sub(_redact_basic, text)


def configure_logs(json: bool | None, level: str) -> None:
    """Set up logging for the process. The function may be called again.

    Args:
        json: JSON lines, or else text for people, which has short times and colours on a terminal; None: text on a
            terminal only.
        level: debug, info, warning, error or critical.

    Raises:
        ValueError: there is no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if not number:
        raise ValueError(f"no log level {level!r}: debug, info, warning, error or critical")
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor
    if json or (json is None and not sys.stderr.isatty()):
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    elif sys.stderr.isatty():
        renderer = TerminalRenderer(colours=has_colours(os.environ))
    else:
        renderer = _PlainRenderer()
    handler = _StderrHandler(has_terminal=isinstance(renderer, TerminalRenderer))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _name_part, *before],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _PlainRenderer(structlog.dev.ConsoleRenderer):
    """Renders text for a file: an event that has words as these alone, any other with all its fields."""

    def __init__(self) -> None:
        super().__init__(colors=False, exception_formatter=structlog.dev.plain_traceback)

    @override
    def __call__(self, logger: Any, name: str, event_dict: structlog.typing.EventDict) -> str:
        if "words" in event_dict:
            kept = {key: event_dict[key] for key in ("timestamp", "level", "exception", "stack") if key in event_dict}
            event_dict = {**kept, "event": event_dict["words"]}
        return super().__call__(logger, name, event_dict)


def show_progress(text: str) -> bool:
    """Show a line below the log that the next one replaces; "" takes it away.

    Returns:
        Whether there is a terminal, and a log for people that tells of ordinary things.
    """
    root = logging.getLogger()
    handler = next((each for each in root.handlers if isinstance(each, _StderrHandler)), None)
    if handler is None or not handler.has_terminal or not root.isEnabledFor(logging.INFO):
        return False
    handler.show_progress(text)
    return True


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the stream that `sys.stderr` is at the time of writing.

    Args:
        has_terminal: whether lines are for people at a terminal.
    """

    def __init__(self, *, has_terminal: bool) -> None:
        logging.Handler.__init__(self)  # the constructor of StreamHandler would set `stream`
        self.has_terminal = has_terminal
        self._progress = ""

    def show_progress(self, text: str) -> None:
        """Show a line that the next one replaces."""
        with self.lock or contextlib.nullcontext(), contextlib.suppress(OSError, ValueError):
            self._progress = text
            self.stream.write(_ERASED + text[: os.get_terminal_size(self.stream.fileno()).columns - 1])
            self.flush()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        progress = self._progress
        if progress:
            self.show_progress("")
        super().emit(record)
        if progress:
            self.show_progress(progress)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute there, looked up late here
        return sys.stderr

    @override
    def handleError(self, record: logging.LogRecord) -> None:  # the standard library's name
        # The standard library would print the arguments of the lost line, credentials and all.
        kind = sys.exc_info()[0]
        with contextlib.suppress(OSError, ValueError):  # stderr itself is gone: nobody is left to be told
            sys.stderr.write(f"a log line of {record.name} could not be written: {kind.__name__ if kind else '?'}\n")


def _name_part(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the part of the gateway that a library's line is about, where the library's name says something else."""
    event["logger"] = _PARTS.get(event["logger"], event["logger"])
    return event


def _redact_event(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Remove credentials and control characters from every value at any depth.

    This step is the last of the chain before rendering.
    """
    result: dict[str, Any] = {}
    for key, value in event.items():
        if key in {"exception", "stack"} and isinstance(value, str):
            result[key] = _escape(_CONTROL, redact(value))
        else:
            result[_clean(str(key), 0)] = _clean_member(key, value, 0)
    return result


def _clean(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _escape(_CONTROL_AND_BREAKS, redact(value))
    if depth >= MAX_NESTING:
        return "..."
    if isinstance(value, Mapping):
        return {_clean(str(key), depth + 1): _clean_member(key, item, depth + 1) for key, item in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):  # the event is a header
        return [_clean(value[0], depth + 1), _clean_member(value[0], value[1], depth + 1)]
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, BaseException):
        return _clean(f"{type(value).__name__}: {value}", depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return _clean(repr(bytes(value)), depth)
    return _clean(str(value), depth)


def _clean_member(key: object, value: Any, depth: int) -> Any:
    """Clean the value of a key; the whole value goes where the key says that it is a secret."""
    if value is not None and isinstance(key, str) and _SECRET_KEYS.fullmatch(key):
        return REMOVED
    return _clean(value, depth)


def _escape(pattern: re.Pattern[str], text: str) -> str:
    r"""Show control characters as \x1b, because what a camera sent must not steer a terminal or fake a line."""
    return pattern.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _redact_basic(match: re.Match[str]) -> str:
    """Remove Basic credentials, which are base64 with a colon in it; "Basic authentication" is not removed."""
    try:
        decoded = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), validate=True)
    except binascii.Error:
        return match[0]
    return match[1] + REMOVED if b":" in decoded else match[0]
