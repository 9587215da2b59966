"""This program runs GStreamer's RTSP server as a peer, in the interpreter that has Debian's python3-gi.

    /usr/bin/python3 benchmarks/gstreamer_server.py relay PORT...
    /usr/bin/python3 benchmarks/gstreamer_server.py reencode FPS "x264enc ..." URL...

`relay` serves the RTP that comes to each UDP port of the loopback; `reencode` pulls cameras and encodes their video
itself. The program prints `{"event": "ready", "port": ...}` and ends when its standard input ends.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # versions first

RTP = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96"
BUFFER = 4 << 20
BACKLOG = 512
"""The most connections that are not accepted yet: with the server's own 5, readers that come at once are seconds
apart."""


def main() -> None:
    mode, *rest = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_backlog(BACKLOG)
    if mode == "relay":
        launches = [
            f'( udpsrc address=127.0.0.1 port={port} buffer-size={BUFFER} caps="{RTP}" '
            "! rtph264depay ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
            for port in rest
        ]
    else:
        fps, encoder, *urls = rest
        # the SPS of cameras without a fixed rate gives the rate of their clock, 90000, by which x264enc would share out
        # its bits: that is a hundredth of the bitrate it was given
        launches = [
            f'( rtspsrc location="{url}" protocols=tcp latency=0 ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 '
            f"! capssetter caps=video/x-raw,framerate={fps}/1 ! {encoder} ! h264parse "
            "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
            for url in urls
        ]
    # a DESCRIBE keeps its thread until the stream's first IDR has come, and all clients share one thread by default
    pool = GstRtspServer.RTSPThreadPool()
    pool.set_max_threads(max(1, len(launches)))
    server.set_thread_pool(pool)
    for index, launch in enumerate(launches):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
        factory.set_latency(0)
        server.get_mount_points().add_factory(f"/s{index}", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(json.dumps({"event": "ready", "port": server.get_bound_port()}), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
