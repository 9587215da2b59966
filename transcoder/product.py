"""This module holds the product's name as peers read it.

It stands in: RTSP Server, User-Agent and realm, RTCP CNAME, HTTP realm and title.
"""

from typing import Final

NAME: Final = "transcoder"
