"""An independent reader: plays streams with FFmpeg's RTSP client, decodes them, and keeps watch on every byte.

`python -m transcoder.lab.reader` is a process of its own. It shares no RTSP, RTP or codec code with
what it reads from: FFmpeg (`playback`) speaks RTSP through a relay (`relay`) that sees all bytes of the wire (`wire`,
`scanner`), and the client of the checker (`direct`) sets up every media of a camera to show that the marks are in the
stream of the camera.
"""
