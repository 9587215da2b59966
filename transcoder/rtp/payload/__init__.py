"""One module per RTP payload format."""
