"""`transcoder verify` reads a served stream or a recording of one, and says whether anything but pixels is in it.

The command is an independent reader: it has readers of its own for RTSP, SDP, RTP and the bitstream, written from the
standards and from the contract. With the rooms that serve streams it shares only errors, exit codes, the product's name
and the function that makes a text printable; an import contract holds that. The command reads strictly, and needs no
decoder.
"""
