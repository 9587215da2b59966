"""`transcoder verify` goes from its arguments to its exit code here."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from transcoder.errors import TransportError
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.regular_file import check_regular
from transcoder.text import printable
from transcoder.verify.codec import Codec
from transcoder.verify.gateway_api import GatewayApi, gateway_api
from transcoder.verify.inspector import Inspector
from transcoder.verify.origin import Origin, read_origin
from transcoder.verify.page import page
from transcoder.verify.recording import codec_of, inspect_file
from transcoder.verify.report import render
from transcoder.verify.rtsp_reader import Reader
from transcoder.verify.search import Pattern, canary_patterns
from transcoder.verify.statement import ProofError, Reading, statement
from transcoder.verify.target import Target, parse_target

MAX_SECONDS = 86_400.0
MIN_CANARY = 4
"""Bytes of a canary at least; shorter ones are in every video by chance."""
DEFAULT_KEY = Path("state", "verify.key")
"""The key lies in the folder of the state, where a gateway keeps it too, unless another file is named."""
_MAX_SHOWN = 240
"""Characters of a statement's text that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Names the streams or the file to verify.

    Attributes:
        source: an rtsp:// or rtsps:// URL or a file.
        transport: "tcp" or "udp".
        codec: the codec of a recording that doesn't tell it, or None.
        canaries: hexadecimal bytes that must not occur.
        canary_files: files of JSON lines, as the camera simulator lists canaries.
        signed: the file for the signed statement, or None.
        key: the file of the key that signs; the key is made where there is none.
        page: the file for the page to read, or None.
        api: the URL of the API of the gateway that serves the URL, or None.
        token_file: the file of the API's token, or None.
    """

    source: str
    username: str | None = None
    password: str | None = None
    transport: str = "tcp"
    seconds: float = 10.0
    codec: str | None = None
    canaries: tuple[str, ...] = ()
    canary_files: tuple[Path, ...] = field(default=())
    as_json: bool = False
    signed: Path | None = None
    key: Path = DEFAULT_KEY
    page: Path | None = None
    api: str | None = None
    token_file: Path | None = None


def verify(options: VerifyOptions, console: Console, errors: Console) -> int:
    """Read the source, judge it and report the verdict.

    Args:
        options: the options of the command line.
        console: prints the verdict.
        errors: prints the progress, and everything that went wrong.

    Returns:
        0 clean, 1 not clean or not reachable, 2 usage.
    """
    try:
        patterns = _patterns(options)
        target, codec = _check(options)
        api = _api(options, target)
    except (ValueError, OSError) as error:
        return _fail(errors, error, USAGE)
    inspector = Inspector(patterns, codec, target.path if target else "")
    try:
        if target is None:
            reading, origin = _read_file(options, inspector), None
        else:
            reading, origin = _read_stream(options, target, api, inspector, errors)
    except TransportError as error:
        return _fail(errors, error, NO)
    inspector.finish(reading.read_s, origin)
    made = statement(inspector, reading)
    if options.as_json:
        console.out(json.dumps(made, indent=2), highlight=False)
    else:
        render(inspector, console, str(made["sentence"]))
    try:
        _keep(options, made)
    except (OSError, ProofError) as error:
        return _fail(errors, error, USAGE)
    return OK if made["clean"] else NO


def _fail(errors: Console, error: Exception, code: int) -> int:
    errors.print(f"verify: {error}", markup=False, highlight=False, soft_wrap=True)
    return code


def _read_file(options: VerifyOptions, inspector: Inspector) -> Reading:
    started, is_complete = time.time(), True
    path = Path(options.source)
    try:
        inspect_file(path, inspector)
    except KeyboardInterrupt:
        is_complete = False
    return Reading(source=path.name, transport="file", started=started, is_complete=is_complete)


def _api(options: VerifyOptions, target: Target | None) -> GatewayApi | None:
    """Return the API to ask, None where nobody named one.

    Raises:
        ValueError: an option can't be used.
        OSError: the file of the token can't be read.
    """
    if options.api is None:
        if options.token_file is not None:
            raise ValueError("--token-file is for --api")
        return None
    if target is None:
        raise ValueError("--api needs the URL of a served stream")
    return gateway_api(options.api, options.token_file, target)


def _origin(api: GatewayApi, since: str, reader: Reader, inspector: Inspector) -> Origin | None:
    """Return the gateway's word on what was read; a note says why there is none."""
    if reader.began is None:
        return None
    try:
        told = api.served(since)
    except TransportError as error:
        inspector.notes[f"{error}; the pictures alone were judged"] += 1
        return None
    origin = read_origin(told, ago_s=time.monotonic() - reader.began, read_s=reader.read_s)
    if origin is None:
        inspector.notes["the API's answer can't be used; the pictures alone were judged"] += 1
    return origin


def _read_stream(
    options: VerifyOptions, target: Target, api: GatewayApi | None, inspector: Inspector, errors: Console
) -> tuple[Reading, Origin | None]:
    """Read a stream; Ctrl-C ends it early, and what was read until then is judged.

    Returns:
        What was read, and the gateway's word on it, None where it has none.

    Raises:
        TransportError: nothing could be read, or the API that was named can't be asked.
    """
    since = str(api.served()["now"]) if api is not None else ""
    started, is_complete = time.time(), True
    reader = Reader(target, inspector, udp=options.transport == "udp")
    try:
        with errors.status("connecting") as status:
            update = status.update if errors.is_terminal else None
            if update is None:
                errors.print(f"reading for {options.seconds:g} s", highlight=False)
            asyncio.run(reader.read(options.seconds, _progress(options.seconds, update)))
    except KeyboardInterrupt:
        is_complete = False
    origin = None if api is None else _origin(api, since, reader, inspector)
    reading = Reading(
        source=target.shown,
        transport=options.transport,
        started=started,
        asked_s=options.seconds,
        read_s=reader.read_s,
        is_complete=is_complete,
    )
    return reading, origin


def _keep(options: VerifyOptions, made: dict[str, object]) -> None:
    """Write the signed statement and the page, where they were asked for.

    Raises:
        OSError: a file can't be written.
        ProofError: the key can't be used.
    """
    name = ""
    if options.signed is not None:
        from transcoder.verify import proof  # noqa: PLC0415  # cryptography takes a while to load, and few ask for it

        key = proof.load_or_make_key(options.key)
        name = proof.fingerprint(key.public_key())
        signed = proof.sign(made, key)
        options.signed.write_text(json.dumps(signed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.page is not None:
        options.page.write_text(page(made, name), encoding="utf-8")


def check(signed: Path, public_key: Path, console: Console, errors: Console) -> int:
    """Say whether a key signed a statement, and what the statement says.

    Returns:
        0 the key signed it, 1 it did not.
    """
    from transcoder.verify import proof  # noqa: PLC0415  # see _keep

    try:
        key = proof.read_public_key(public_key)
    except ProofError as error:
        return _fail(errors, error, USAGE)
    try:
        made = proof.check(signed, key)
    except ProofError as error:
        return _fail(errors, error, NO)
    lines = (
        f"signed by {proof.fingerprint(key)}",
        f"{printable(str(made.get('source')), _MAX_SHOWN)}, {printable(str(made.get('started')), _MAX_SHOWN)}",
        f"verdict: {printable(str(made.get('sentence')), _MAX_SHOWN)}",
    )
    for line in lines:
        console.out(line, highlight=False)
    return OK


def _check(options: VerifyOptions) -> tuple[Target | None, Codec | None]:
    """Take the URL apart, or return None for a file; and the codec where something names it.

    Raises:
        ValueError: an option can't be used.
    """
    if options.transport not in {"tcp", "udp"}:
        raise ValueError("--transport is tcp or udp")
    if not 0 < options.seconds <= MAX_SECONDS:
        raise ValueError("--seconds is more than 0 and at most a day")
    if options.codec is not None and options.codec.lower() not in {"h264", "h265"}:
        raise ValueError("--codec is h264 or h265")
    codec = Codec(options.codec.upper()) if options.codec else None
    if "://" in options.source:
        target = parse_target(options.source, options.username, options.password)
        if target.is_secure and options.transport != "tcp":
            raise ValueError("rtsps:// needs --transport tcp: datagrams are not encrypted")
        return target, codec
    path = Path(options.source)
    if not path.is_file():
        raise ValueError(f"{options.source} is neither an rtsp:// or rtsps:// URL nor a file")
    return None, codec or codec_of(path)


def _progress(seconds: float, update: Callable[[str], None] | None) -> Callable[[float], None]:
    def show(gone: float) -> None:
        if update is not None:
            update(f"reading, {gone:.0f} of {seconds:g} s")

    return show


def _patterns(options: VerifyOptions) -> list[Pattern]:
    """Return the search patterns of every canary that was named.

    Raises:
        ValueError: a canary is no hexadecimal, or too short.
        OSError: a file can't be read.
    """
    named = [(f"number {index + 1}", text) for index, text in enumerate(options.canaries)]
    check_regular(*options.canary_files)
    for path in options.canary_files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            try:
                event = json.loads(line)
                name = str(event.get("name", path.name))
                named += [(f"{name} {item['name']}", str(item["hex"])) for item in event.get("canaries", ())]
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(f"{path} is no list of canaries in JSON lines") from None
    if options.canary_files and len(named) == len(options.canaries):
        raise ValueError("no canary in the files given")
    patterns = []
    for name, text in named:
        try:
            value = bytes.fromhex(text)
        except ValueError:
            raise ValueError(f"canary {name} is no hexadecimal") from None
        if len(value) < MIN_CANARY:
            raise ValueError(f"canary {name} is shorter than {MIN_CANARY} bytes")
        patterns += canary_patterns(name, value)
    return patterns
