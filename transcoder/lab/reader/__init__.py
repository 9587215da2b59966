"""This room is an independent reader: it plays streams with FFmpeg's RTSP client, decodes them, and watches every byte.

`python -m transcoder.lab.reader` is a process of its own. It shares no RTSP, RTP or codec code with the servers
that it reads: FFmpeg (`playback`) speaks RTSP through a relay (`relay`) that sees all bytes of the wire (`wire`,
`scanner`), and the client of the checker (`direct`) sets up every media of a camera to show that the marks are in the
stream of the camera.
"""
