"""The web page: HTML, CSS and ES modules as they are sent, and what reads them."""

from transcoder.web.files import WebFile, load

__all__ = ["WebFile", "load"]
