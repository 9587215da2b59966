"""This camera is GStreamer's RTSP server in the system's Python: `gstreamer_launch_camera.py PATH=PIPELINE ...`.

Each PIPELINE, whose payloader is called pay0, is served at /PATH to whoever comes, over TCP and UDP.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # versions are chosen before the import


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    for item in sys.argv[1:]:
        path, _, pipeline = item.partition("=")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {pipeline} )")
        factory.set_shared(True)
        server.get_mount_points().add_factory(f"/{path}", factory)
    server.attach(None)
    print("ready", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
