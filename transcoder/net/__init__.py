"""asyncio shells around rtsp/ and rtp/."""
