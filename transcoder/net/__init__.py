"""This room holds the asyncio shells around source/, rtsp/ and rtp/: sockets, timers and nothing of the protocol."""
