"""The section `onvif` says where VMSs find the streams as ONVIF devices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from transcoder.config.listen import MAX_PORT, Endpoint, ListenAll, read_endpoints
from transcoder.config.section import Name, NotBool, Section

if TYPE_CHECKING:
    from transcoder.config.model import Config


class StreamOnvifConfig(Section):
    """`streams.<id>.onvif` describes the stream's own ONVIF device."""

    port: Annotated[int, Field(ge=1, le=MAX_PORT), NotBool] | None = Field(default=None, examples=[8090])
    """The port of the stream's device, where `onvif.mode` is `device_per_stream`; null: the next free one from the port
    of `onvif.listen` on, which the stream keeps over restarts."""


class OnvifConfig(Section):
    """`onvif` describes the ONVIF-compatible devices that VMSs add; they log in as `rtsp.users`."""

    listen: ListenAll = Field(
        default=read_endpoints("127.0.0.1:8081"),
        examples=["127.0.0.1:8081"],
        json_schema_extra={"default": "127.0.0.1:8081"},
    )
    """The address and port of the device, or a list of them; port 0 stands for any free port. With `device_per_stream`
    it is the first of the ports that devices have. `[::]` serves IPv4 too."""
    mode: Literal["device_per_stream", "one_device"] = "device_per_stream"
    """`device_per_stream`: each stream is a camera with a port, a serial number and a hardware address of its own.
    `one_device`: all streams are channels of one recorder."""
    discovery: bool = True
    """Whether devices answer WS-Discovery (UDP port 3702), at the addresses of `onvif.listen` alone."""
    control: tuple[Name, ...] = Field(default=(), examples=[["vms"]])
    """The users of `rtsp.users` who may change bitrate, frame rate and key frame interval, and restart a stream."""


def onvif_problems(config: "Config") -> Iterator[str]:
    """Yield what is wrong with `onvif` together with the rest of the file."""
    onvif = config.onvif
    if onvif is None:
        return
    if not config.rtsp.users and not config.rtsp.insecure:
        for endpoint in onvif.listen:
            if not endpoint.is_loopback:
                yield (
                    f"onvif.listen: {endpoint} is reached from other machines and there are no users: add some to "
                    "rtsp.users, listen on 127.0.0.1, or set rtsp.insecure to true to let everybody read"
                )
    for user in onvif.control:
        if user not in config.rtsp.users:
            yield f"onvif.control: {user!r} is no user of rtsp.users"


def device_endpoints(config: "Config") -> Iterator[tuple[str, Endpoint]]:
    """Yield where devices listen as far as the file says so, each with the key that says it."""
    onvif = config.onvif
    if onvif is None:
        return
    for endpoint in onvif.listen:
        yield "onvif.listen", endpoint
    if onvif.mode == "device_per_stream":
        for name, stream in config.streams.items():
            if stream.onvif.port is not None:
                for endpoint in onvif.listen:
                    yield f"streams.{name}.onvif.port", Endpoint(host=endpoint.host, port=stream.onvif.port)
