"""`transcoder verify`: reads what is served, or a recording of it, and says whether anything but pixels is in it.

It is an independent reader: it shares no parsing code with what serves streams, reads strictly, and needs no decoder.
"""
