"""`transcoder verify`: reads what is served, or a recording of it, and says whether anything but pixels is in it.

It is an independent reader: it has readers of its own for RTSP, SDP, RTP and the bitstream, written from the standards
and from the contract. With what serves streams it shares only errors, exit codes, the product's name and how
a text is made printable; an import contract holds that. It reads strictly, and needs no decoder.
"""
