"""This module defines every error that the product raises on purpose.

TranscoderError
  ConfigError                 every problem of one file, each with its key
  ProtocolError
    LocalProtocolError        our caller asked for something illegal: a bug
    RemoteProtocolError       the peer did
      LimitExceeded           the peer sent more than a named limit allows
      RtspSyntaxError         an RTSP message that can't be read
      SdpSyntaxError          a session description that can't be used
      Unanswered              the peer did not answer a request in time
      PayloadError            an RTP or RTCP packet, or its payload, that can't be read
      TransportNotAccepted    SETUP was answered with another transport than the one that was asked for
  BitstreamError              a parameter set or slice header that can't be read
  ResponseError               an RTSP response whose status says no
  TransportError              a connection that could not be made or was lost
    NotConnected              the connection could not be made: the name, the network or the host
      KeyNotTrusted           a camera did not prove over TLS that it is the one that is known
      ConnectionRefused       the host is up and nothing listens at the port
    Silent                    the connection was given up, because no data that can be shown came over it
      NoPicture               packets came, and no picture that can be shown
  MediaError                  a decoder or an encoder that refused its settings or its input
  WorkerError                 a worker process that could not be started or was lost
  ServiceError                a task that the service can't go on without ended
  CommandRejected             an operator's command that can't be carried out
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass

from transcoder.text import counted


class TranscoderError(Exception):
    """This is the base of every error that is raised on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Says where in a configuration a problem is."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class ConfigError(TranscoderError):
    """A configuration can't be used.

    Args:
        problems: one line for each problem; the line names the key path.
        file: the path of the configuration file, where the problems are those of a file.
        places: where the problems are that have a place.
    """

    def __init__(self, problems: list[str], *, file: str = "", places: Mapping[str, Place] | None = None) -> None:
        self.problems = problems
        self.file = file
        self.places: Mapping[str, Place] = places or {}
        super().__init__(
            "\n".join([*self.lines, *([f"{counted(len(problems), 'problem')} in {file}"] if file else [])])
        )

    @property
    def lines(self) -> list[str]:
        """Return the problems, each with its file and line in front where these are known."""
        places = self.places
        return [f"{places[problem]}: {problem}" if problem in places else problem for problem in self.problems]


class ProtocolError(TranscoderError):
    """A rule of a protocol was broken."""


class LocalProtocolError(ProtocolError):
    """Our own caller asked a protocol core for an illegal action: a bug."""


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule of the protocol."""


class LimitExceeded(RemoteProtocolError):  # noqa: N818  # it reads as the event it is
    """The peer sent more than a named limit allows."""


class RtspSyntaxError(RemoteProtocolError):
    """An RTSP message can't be read."""


class SdpSyntaxError(RemoteProtocolError):
    """A session description can't be read or holds nothing to play."""


class Unanswered(RemoteProtocolError):  # noqa: N818  # it reads as the event it is
    """The peer did not answer a request in time."""


class PayloadError(RemoteProtocolError):
    """An RTP or RTCP packet, or its payload, can't be read."""


class LoginDowngraded(RemoteProtocolError):  # noqa: N818  # it reads as the event it is
    """The peer asks for the password in clear, and has asked for a proof of it before."""


class TransportNotAccepted(RemoteProtocolError):  # noqa: N818  # it reads as the event it is
    """SETUP was answered with another transport than the one that was asked for."""


class BitstreamError(TranscoderError):
    """A parameter set or slice header can't be read."""


class ResponseError(TranscoderError):
    """The status of an RTSP response refuses the request.

    Args:
        status: the RTSP status code.
        method: the method that was refused.
        reason: the standard's reason phrase.
        own_words: the peer's own reason phrase, shortened. It is no part of the message, which stands in logs, events
            and states: only a probe shows a camera's own words.
    """

    def __init__(self, status: int, method: str, reason: str, own_words: str = "") -> None:
        super().__init__(f"{method} was answered {status} {reason}")
        self.status = status
        self.method = method
        self.reason = reason
        self.own_words = own_words


class TransportError(TranscoderError):
    """A connection could not be made or was lost."""


_NO_ADDRESS = "could not bind on any address"
"""What asyncio says since Python 3.13, where it skipped every address of the host that is not this machine's."""


def not_bound(key: str, error: OSError) -> TransportError:
    """Return the error that says why a listener of the configuration can't be opened, and what tells more.

    Args:
        key: the listener's key and value.
        error: the failure; uvloop gives no number for a UDP port that is taken, and asyncio since Python 3.13 none for
            an address that is not this machine's.
    """
    number = errno.EADDRNOTAVAIL if _NO_ADDRESS in str(error) else error.errno
    is_of_kernel = (number or 0) > 0  # a name that is not found has a negative number
    words = os.strerror(number or 0) if is_of_kernel else error.strerror or str(error)
    hint = "" if number not in {None, errno.EADDRINUSE} else "; transcoder doctor CONFIG says which program has it"
    return TransportError(f"{key}: {words}{hint}")


class NotConnected(TransportError):  # noqa: N818  # it reads as the event it is
    """A connection could not be made."""


class KeyNotTrusted(NotConnected):
    """A camera did not prove over TLS that it is the one that is known.

    Args:
        text: the message.
        found: the fingerprint of the key that it showed, if it showed any.
    """

    def __init__(self, text: str, found: str = "") -> None:
        super().__init__(text)
        self.found = found


class ConnectionRefused(NotConnected):
    """The host refused the connection: the host is up, and its service is not."""


class Silent(TransportError):  # noqa: N818  # it reads as the event it is
    """A connection was given up, because no data that can be shown came over it."""


class NoPicture(Silent):
    """The connection was given up, because packets came and no picture that can be shown."""


class MediaError(TranscoderError):
    """A decoder or an encoder refused its settings or its input."""


class WorkerError(TranscoderError):
    """A worker process could not be started or was lost."""


class ServiceError(TranscoderError):
    """A task that the service can't go on without ended: a bug, after which a supervisor starts the service anew."""


class CommandRejected(TranscoderError):  # noqa: N818  # it reads as the answer it is
    """An operator's command can't be carried out; the message says why."""
