"""A device is asked here which streams it offers beside the one that it was asked for: each by its description."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from transcoder.assets.tables import stream_templates
from transcoder.control.probe_documents import ProbeChannelDocument, ProbeDocument
from transcoder.control.source_probe import Answer, probe
from transcoder.net.source_options import SourceOptions
from transcoder.probe.channels import ChannelSearch, Place, place_of

LONGEST_SEARCH_S: Final = 15.0
"""Seconds of a search at most, since somebody waits for the answer; what was found by then is told."""
NO_PATH: Final = frozenset({"", "/"})
"""The targets of a URL that names a device and none of its streams."""


async def probe_channels(options: SourceOptions) -> ProbeDocument:
    """Ask a device for its description, and then for those of its other streams, one connection after another.

    A device whose URL has no path is asked for the paths that are known, those of its maker first. Nothing is asked
    any more once it refuses the login: cameras lock an account after a few wrong ones.

    Args:
        options: the options of the device's source.

    Returns:
        The answer to the URL itself, or to the first path that was found, with everything that is offered.
    """
    found: list[ProbeChannelDocument] = []
    answer = await probe(options)
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SEARCH_S):
            if answer.is_path_refused and options.url.target in NO_PATH:
                options, answer = await _find_path(options, answer)
            if answer.document.reachable:
                await _search(options, answer, found)
    return answer.document.model_copy(update={"channels": tuple(found)})


async def _find_path(options: SourceOptions, refused: Answer) -> tuple[SourceOptions, Answer]:
    """Ask for the main streams of the maker, or of all makers, until one is described."""
    templates = stream_templates()
    makers = [refused.maker] if refused.maker in templates else list(templates)
    for maker in makers:
        tried = replace(options, url=options.url.with_target(templates[maker]["main"].format(channel=1)))
        answer = await probe(tried)
        if answer.document.reachable or not answer.is_path_refused:
            return tried, answer
    return options, refused


async def _search(options: SourceOptions, answer: Answer, found: list[ProbeChannelDocument]) -> None:
    """Ask for the other streams; each that is described is added to those that were found."""
    target = options.url.target
    maker = answer.maker if answer.maker in stream_templates() else _maker_of(target)
    search = ChannelSearch(maker, target)
    known = search.known or Place(channel=1, stream="main", target=target)
    found.append(_document(options, known, answer.document, is_asked=True))
    while (place := search.next_place()) is not None:
        other = await probe(replace(options, url=options.url.with_target(place.target)))
        if search.note(is_described=other.document.reachable):
            found.append(_document(options, place, other.document))
            found.sort(key=lambda item: item.channel)  # in the order of a channel's streams, which sort() keeps
        elif not other.document.reachable and not other.is_path_refused:
            return  # it has no more room, or no patience


def _maker_of(target: str) -> str:
    """Return the maker whose paths look like this one, "" where no maker's do, or several's."""
    makers = [maker for maker in stream_templates() if place_of(maker, target) is not None]
    return makers[0] if len(makers) == 1 else ""


def _document(
    options: SourceOptions, place: Place, document: ProbeDocument, *, is_asked: bool = False
) -> ProbeChannelDocument:
    return ProbeChannelDocument(
        channel=place.channel,
        stream=place.stream,
        url=str(options.url.with_target(place.target)),
        codec=document.codec,
        size=document.size,
        asked=is_asked,
    )
