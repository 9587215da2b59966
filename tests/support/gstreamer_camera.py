"""This camera is GStreamer's RTSP server in the system's Python: `gstreamer_camera.py PORT PATH=FILE ...`.

Each FILE (Matroska, H.264 or H.265) is served at /PATH from its start to whoever comes, over TCP and UDP.
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
    server.set_service(sys.argv[1])
    for item in sys.argv[2:]:
        path, _, file = item.partition("=")
        codec = "h265" if "h265" in file else "h264"
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( filesrc location={file} ! matroskademux ! {codec}parse ! rtp{codec}pay name=pay0 config-interval=1 )"
        )
        factory.set_shared(True)
        server.get_mount_points().add_factory(f"/{path}", factory)
    if not server.attach(None):
        sys.exit(f"port {sys.argv[1]} is taken")
    print("ready", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
