"""The XML namespaces of SOAP, WS-* and ONVIF, with the prefixes under which our answers bind them."""

from typing import Final

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP_1_1: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
SECURITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
USERNAME_TOKEN: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"  # noqa: S105
DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
EVENTS: Final = "http://www.onvif.org/ver10/events/wsdl"
SCHEMA: Final = "http://www.onvif.org/ver10/schema"
ERRORS: Final = "http://www.onvif.org/ver10/error"
TOPICS: Final = "http://www.onvif.org/ver10/topics"
NOTIFICATION: Final = "http://docs.oasis-open.org/wsn/b-2"
TOPIC_SETS: Final = "http://docs.oasis-open.org/wsn/t-1"
XML_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
RESOURCES: Final = "http://docs.oasis-open.org/wsrf/r-2"
OWN_TOPICS: Final = "urn:transcoder:topics"
"""The namespace of topics for which ONVIF has no name."""

PREFIXES: Final = {
    "s": SOAP,
    "a": ADDRESSING,
    "tds": DEVICE,
    "trt": MEDIA,
    "tr2": MEDIA2,
    "tev": EVENTS,
    "tt": SCHEMA,
    "ter": ERRORS,
    "tns1": TOPICS,
    "wsnt": NOTIFICATION,
    "wstop": TOPIC_SETS,
    "xs": XML_SCHEMA,
    "wsrf": RESOURCES,
    "own": OWN_TOPICS,
}
"""Every answer binds these, so that any part of it may use them, in text as well (topics, fault codes)."""
