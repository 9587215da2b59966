"""This module reads one stream: a relay sees its bytes, and the playback behind the relay decodes them."""

from urllib.parse import quote

from transcoder.lab.cameras.canary import Canary
from transcoder.lab.reader.playback import Playback
from transcoder.lab.reader.relay import Relay
from transcoder.verify.target import parse_target


class Station:
    """Reads one stream.

    Args:
        name: name of the stream.
        url: URL of the stream.

    Attributes:
        name: name of the stream.
        relay: the relay that sees every byte.
        playback: the playback that decodes the stream.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._target = parse_target(url)
        self.relay = Relay(self._target.host, self._target.port)
        self.playback = Playback()

    async def start(self) -> None:
        """Begin to read the stream."""
        await self.relay.start()
        user, password = self._target.username, self._target.password
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user is not None else ""
        self.playback.start(f"rtsp://{login}127.0.0.1:{self.relay.port}{self._target.path}")

    def result(self, canaries: list[Canary]) -> dict[str, object]:
        """Return the counts of the stream, and the canaries that were in it."""
        wire = self.relay.counts
        played = self.playback.counts
        scanners = self.relay.scanner, self.playback.scanner
        found = {canary.name: canary.where for scanner in scanners for canary in scanner.found(canaries)}
        oddities = [*wire.oddities(), *played.oddities()]
        if any(scanner.overflown for scanner in scanners):
            oddities.append("more text than can be searched")
        return {
            "name": self.name,
            "frames": played.frames,
            "fps": round(played.timed / played.played_s, 2) if played.played_s > 0 else 0.0,
            "decode_errors": played.errors,
            "longest_gap_ms": round(played.longest_gap_s * 1000),
            "steps_back": played.steps_back,
            "connects": played.connects,
            "problem": played.problem,
            "codec": played.codec,
            "width": played.width,
            "height": played.height,
            "bytes": self.relay.scanner.size,
            "rtsp_messages": wire.messages,
            "rtp_packets": wire.rtp,
            "rtcp_packets": wire.rtcp,
            "nal_unit_types": dict(sorted(played.nal_unit_types.items())),
            "canaries_searched": len(canaries),
            "canaries_found": [{"name": name, "where": where} for name, where in sorted(found.items())],
            "oddities": oddities,
        }
