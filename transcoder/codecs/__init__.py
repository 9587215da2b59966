"""Bitstream syntax of H.264 and H.265: NAL units, parameter sets, access unit boundaries. No FFmpeg."""
