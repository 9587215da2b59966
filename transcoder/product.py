"""The product's name wherever a peer reads it: RTSP Server, User-Agent and realm, RTCP CNAME, HTTP realm and title."""

from typing import Final

NAME: Final = "transcoder"
