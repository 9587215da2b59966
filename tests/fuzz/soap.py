"""Requests of ONVIF clients and questions of discovery, as far as no socket is needed."""

import uuid
from pathlib import Path
from typing import Final

from tests.support.onvif_world import FakeController, device, envelope, media, view_of
from transcoder.onvif import namespaces
from transcoder.onvif.discovery import Advertised, Discovery
from transcoder.onvif.dispatch import SERVICES, needs_login, operation_of
from transcoder.onvif.events import Events
from transcoder.onvif.faults import Fault
from transcoder.onvif.login import TokenLogin, username_token
from transcoder.onvif.markup import Markup
from transcoder.onvif.soap import envelope as answer_of
from transcoder.onvif.soap import parse_request, parse_tree
from transcoder.onvif.visit import Visit

_VIEW: Final = view_of(FakeController())
_RECORDED: Final = Path(__file__).parents[1] / "data" / "onvif"


def soap(data: bytes) -> None:
    """Whatever is asked, the answer is XML, or the fault of a request; nothing else comes of it."""
    found = _VIEW.device("front", None)
    for answer in Discovery(uuid.uuid4, 1).answers(data, lambda: [Advertised(device=found, address="http://a/")], 0.0):
        parse_tree(answer)
    request = None
    try:
        request = parse_request(data)
        token = username_token(request.security)
        operation = operation_of(request)
        if needs_login(request) and token is not None:
            assert TokenLogin().user(token, {"vms": "geheim"}, 1.8e9) == "vms"
        place = _VIEW.place("gateway:8081", "10.0.0.5", 8081)
        visit = Visit(
            request=request,
            device=found,
            place=place,
            name="front",
            may_control=True,
            wall=1.8e9,
            now=1.0,
            events=Events(),
        )
        outcome = operation(visit)
        body = outcome if isinstance(outcome, Markup) else getattr(outcome, "answer", Markup("<tds:a/>"))
    except Fault as fault:
        body = fault.body()
    parse_tree(answer_of(body, request))


def seeds() -> list[bytes]:
    """Recorded requests, and one of each operation."""
    recorded = [path.read_bytes() for path in sorted(_RECORDED.iterdir())]
    inner = "<t:ProfileToken>front.main</t:ProfileToken><t:Timeout>PT1S</t:Timeout>"
    every = [
        envelope(f'<t:{name} xmlns:t="{namespace}">{inner}</t:{name}>')
        for namespace, operations in SERVICES.items()
        for name in operations
    ]
    encoder = (
        '<t:Configuration token="front.main.video"><t:RateControl><t:BitrateLimit>9</t:BitrateLimit></t:RateControl>'
    )
    setting = media("SetVideoEncoderConfiguration", f"{encoder}</t:Configuration>")
    return [*recorded, *every, envelope(setting), envelope(device("GetScopes"))]


WORDS: Final = [
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"<![CDATA[",
    b"]]>",
    b"xmlns:t=",
    b'encoding="utf-16"',
    b"Envelope",
    namespaces.MEDIA.encode(),
    namespaces.EVENTS.encode(),
    b"2026-11-29T13:16:52Z",
    b"PT60S",
]
