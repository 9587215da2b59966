"""This room knows the bitstream syntax of H.264 and H.265: NAL units, parameter sets and access unit boundaries.

It uses no FFmpeg.
"""
