"""The device service tells who the device is, where it is and which services it has.

Source: ONVIF Core Specification section 8, devicemgmt.wsdl.
"""

import ipaddress
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from transcoder import product
from transcoder.onvif.device import Device
from transcoder.onvif.faults import invalid
from transcoder.onvif.markup import Markup, element, joined
from transcoder.onvif.namespaces import DEVICE, EVENTS, MEDIA, MEDIA2
from transcoder.onvif.subscriptions import DEVICE_SUBSCRIPTIONS
from transcoder.onvif.visit import Operations, Outcome, RestartStreams, Visit

PATHS: Final = {
    DEVICE: "/onvif/device_service",
    MEDIA: "/onvif/media_service",
    MEDIA2: "/onvif/media2_service",
    EVENTS: "/onvif/event_service",
}
"""The path of each service; a request is answered under any path all the same."""
_VERSIONS: Final = {DEVICE: (22, 6), MEDIA: (19, 12), MEDIA2: (22, 6), EVENTS: (22, 6)}
"""Major and minor version of the specification that each service follows."""
SCOPE: Final = "onvif://www.onvif.org"
_NETWORK: Final = ("IPFilter", "ZeroConfiguration", "IPVersion6", "DynDNS")
_SYSTEM: Final = ("RemoteDiscovery", "SystemBackup", "SystemLogging", "FirmwareUpgrade")
MAX_PROFILES: Final = 64
"""The largest number of profiles that is told: that of channels and outputs, which nobody adds over ONVIF."""


def _get_system_date_and_time(visit: Visit) -> Outcome:
    now = datetime.fromtimestamp(visit.wall, UTC)
    time = element(
        "tt:Time", element("tt:Hour", now.hour), element("tt:Minute", now.minute), element("tt:Second", now.second)
    )
    date = element("tt:Date", element("tt:Year", now.year), element("tt:Month", now.month), element("tt:Day", now.day))
    told = element(
        "tds:SystemDateAndTime",
        element("tt:DateTimeType", "NTP"),
        element("tt:DaylightSavings", False),
        element("tt:TimeZone", element("tt:TZ", "UTC0")),
        element("tt:UTCDateTime", time, date),
        element("tt:LocalDateTime", time, date),
    )
    return element("tds:GetSystemDateAndTimeResponse", told)


def _set_system_date_and_time(_: Visit) -> Outcome:
    # the clock is the machine's, and true; recorders that set it at every start give up where they may not
    return element("tds:SetSystemDateAndTimeResponse")


def _get_device_information(visit: Visit) -> Outcome:
    device = visit.device
    return element(
        "tds:GetDeviceInformationResponse",
        element("tds:Manufacturer", product.NAME),
        element("tds:Model", device.hardware),
        element("tds:FirmwareVersion", device.version),
        element("tds:SerialNumber", device.identity.serial),
        element("tds:HardwareId", device.identity.serial),
    )


def _get_services(visit: Visit) -> Outcome:
    with_capabilities = visit.text("IncludeCapability") in {"true", "1"}
    return element(
        "tds:GetServicesResponse",
        *(
            element(
                "tds:Service",
                element("tds:Namespace", namespace),
                element("tds:XAddr", visit.place.base + path),
                element("tds:Capabilities", service_capabilities(namespace, visit)) if with_capabilities else None,
                element("tds:Version", element("tt:Major", major), element("tt:Minor", minor)),
            )
            for namespace, path in PATHS.items()
            for major, minor in [_VERSIONS[namespace]]
        ),
    )


def service_capabilities(namespace: str, visit: Visit) -> Markup:
    """Return what a service can do, as its GetServiceCapabilities tells it.

    Source: the element Capabilities of each service's WSDL.
    """
    has_multicast = any(profile.multicast is not None for _, profile in visit.device.profiles())
    if namespace == MEDIA:
        return element(
            "trt:Capabilities",
            element("trt:ProfileCapabilities", attributes={"MaximumNumberOfProfiles": MAX_PROFILES}),
            element(
                "trt:StreamingCapabilities",
                attributes={
                    "RTPMulticast": has_multicast,
                    "RTP_TCP": True,
                    "RTP_RTSP_TCP": True,
                    "NonAggregateControl": False,
                },
            ),
            attributes={"SnapshotUri": True, "Rotation": False, "VideoSourceMode": False, "OSD": False},
        )
    if namespace == MEDIA2:
        return element(
            "tr2:Capabilities",
            element(
                "tr2:ProfileCapabilities",
                attributes={
                    "MaximumNumberOfProfiles": MAX_PROFILES,
                    "ConfigurationsSupported": "VideoSource VideoEncoder AudioSource AudioEncoder",
                },
            ),
            element(
                "tr2:StreamingCapabilities",
                attributes={
                    "RTSPStreaming": True,
                    "RTPMulticast": has_multicast,
                    "RTP_RTSP_TCP": True,
                    "NonAggregateControl": False,
                    "SecureRTSPStreaming": visit.place.rtsps_port is not None,
                },
            ),
            attributes={"SnapshotUri": True, "Rotation": False, "VideoSourceMode": False, "OSD": False},
        )
    if namespace == EVENTS:
        return element(
            "tev:Capabilities",
            attributes={
                "WSSubscriptionPolicySupport": False,
                "WSPausableSubscriptionManagerInterfaceSupport": False,
                "MaxNotificationProducers": 0,
                "MaxPullPoints": DEVICE_SUBSCRIPTIONS,
                "PersistentNotificationStorage": False,
            },
        )
    no, yes = False, True
    security = {
        **dict.fromkeys(("TLS1.0", "TLS1.1", "TLS1.2", "OnboardKeyGeneration", "AccessPolicyConfig"), no),
        **dict.fromkeys(("DefaultAccessPolicy", "Dot1X", "RemoteUserHandling", "X.509Token", "SAMLToken"), no),
        **dict.fromkeys(("KerberosToken", "RELToken"), no),
        **dict.fromkeys(("UsernameToken", "HttpDigest"), yes),
    }
    system = {
        **dict.fromkeys(("DiscoveryResolve", "DiscoveryBye"), yes),
        **dict.fromkeys(_SYSTEM, no),
    }
    network = dict.fromkeys(_NETWORK, no)
    return element(
        "tds:Capabilities",
        element("tds:Network", attributes=network),
        element("tds:Security", attributes=security),
        element("tds:System", attributes=system),
    )


def _get_service_capabilities(visit: Visit) -> Outcome:
    return element("tds:GetServiceCapabilitiesResponse", service_capabilities(DEVICE, visit))


def _get_capabilities(visit: Visit) -> Outcome:
    # go2rtc reads the address of Media with a pattern: it stands first in its element, and Media after the others
    base, no = visit.place.base, False
    wanted = {each.text or "" for each in visit.operation if each.tag.endswith("}Category")} or {"All"}
    has_multicast = any(profile.multicast is not None for _, profile in visit.device.profiles())
    parts = {
        "Device": element(
            "tt:Device",
            element("tt:XAddr", base + PATHS[DEVICE]),
            element("tt:Network", *(element(f"tt:{name}", no) for name in _NETWORK)),
            element(
                "tt:System",
                element("tt:DiscoveryResolve", True),
                element("tt:DiscoveryBye", True),
                *(element(f"tt:{name}", no) for name in _SYSTEM),
                element("tt:SupportedVersions", element("tt:Major", 22), element("tt:Minor", 6)),
            ),
            element("tt:IO", element("tt:InputConnectors", 0), element("tt:RelayOutputs", 0)),
            element(
                "tt:Security",
                *(
                    element(f"tt:{name}", no)
                    for name in (
                        "TLS1.1", "TLS1.2", "OnboardKeyGeneration", "AccessPolicyConfig",
                        "X.509Token", "SAMLToken", "KerberosToken", "RELToken",
                    )
                ),
            ),
        ),
        "Events": element(
            "tt:Events",
            element("tt:XAddr", base + PATHS[EVENTS]),
            element("tt:WSSubscriptionPolicySupport", no),
            element("tt:WSPullPointSupport", True),
            element("tt:WSPausableSubscriptionManagerInterfaceSupport", no),
        ),
        "Media": element(
            "tt:Media",
            element("tt:XAddr", base + PATHS[MEDIA]),
            element(
                "tt:StreamingCapabilities",
                element("tt:RTPMulticast", has_multicast),
                element("tt:RTP_TCP", True),
                element("tt:RTP_RTSP_TCP", True),
            ),
            element(
                "tt:Extension",
                element("tt:ProfileCapabilities", element("tt:MaximumNumberOfProfiles", MAX_PROFILES)),
            ),
        ),
    }  # fmt: skip
    found = joined(part for name, part in parts.items() if wanted & {"All", name})
    return element("tds:GetCapabilitiesResponse", element("tds:Capabilities", found))


def _get_network_interfaces(visit: Visit) -> Outcome:
    address = ipaddress.ip_address(visit.place.address.partition("%")[0])
    ipv4: Markup | None = None
    if address.version == 4:
        manual = element("tt:Manual", element("tt:Address", str(address)), element("tt:PrefixLength", 32))
        ipv4 = element("tt:IPv4", element("tt:Enabled", True), element("tt:Config", manual, element("tt:DHCP", False)))
    info = element(
        "tt:Info",
        element("tt:Name", "eth0"),
        element("tt:HwAddress", visit.device.identity.hw_address),
        element("tt:MTU", 1500),
    )
    told = element("tds:NetworkInterfaces", element("tt:Enabled", True), info, ipv4, attributes={"token": "eth0"})
    return element("tds:GetNetworkInterfacesResponse", told)


def _get_network_protocols(visit: Visit) -> Outcome:
    ports = {"HTTP": visit.place.port, "RTSP": visit.place.rtsp_port}
    return element(
        "tds:GetNetworkProtocolsResponse",
        *(
            element(
                "tds:NetworkProtocols", element("tt:Name", name), element("tt:Enabled", True), element("tt:Port", port)
            )
            for name, port in ports.items()
        ),
    )


def scopes_of(device: Device) -> list[str]:
    """Return the scopes of a device; Home Assistant looks for Profile/Streaming, and reads name, hardware and mac.

    Source: ONVIF Core Specification section 7.3.2.2.
    """
    fixed = ["Profile/Streaming", "Profile/T", "type/video_encoder", "type/Network_Video_Transmitter"]
    named = {
        "name": device.name,
        "hardware": device.hardware,
        "mac": device.identity.hw_address,
        "location": "unknown",
    }
    written = [f"{key}/{quote(value, safe=':')}" for key, value in named.items()]
    return [f"{SCOPE}/{each}" for each in [*fixed, *written]]


def _get_scopes(visit: Visit) -> Outcome:
    return element("tds:GetScopesResponse", *(_scope(each) for each in scopes_of(visit.device)))


def _scope(item: str) -> Markup:
    return element("tds:Scopes", element("tt:ScopeDef", "Fixed"), element("tt:ScopeItem", item))


def _get_hostname(visit: Visit) -> Outcome:
    told = element(
        "tds:HostnameInformation", element("tt:FromDHCP", False), element("tt:Name", _host_label(visit.device.name))
    )
    return element("tds:GetHostnameResponse", told)


def _host_label(name: str) -> str:
    return (
        "".join(char if char.isascii() and (char.isalnum() or char == "-") else "-" for char in name).strip("-")[:63]
        or "camera"
    )


def _from_dhcp(operation: str, inner: str) -> Markup:
    return element(f"tds:{operation}Response", element(f"tds:{inner}", element("tt:FromDHCP", False)))


def _get_users(visit: Visit) -> Outcome:
    level = "Operator" if visit.may_control else "User"
    told = (
        element("tds:User", element("tt:Username", visit.user), element("tt:UserLevel", level)) if visit.user else None
    )
    return element("tds:GetUsersResponse", told)


def _system_reboot(visit: Visit) -> Outcome:
    visit.require_control()
    answer = element("tds:SystemRebootResponse", element("tds:Message", "the camera is connected anew"))
    if not visit.device.channels:
        raise invalid("there is no stream to restart")
    return RestartStreams(streams=tuple(each.stream for each in visit.device.channels), answer=answer)


OPEN: Final = frozenset(
    {
        "GetSystemDateAndTime",
        "GetServices",
        "GetCapabilities",
        "GetServiceCapabilities",
        "GetHostname",
        "GetWsdlUrl",
        "GetEndpointReference",
    }
)
"""The operations that need no login (Core Specification section 5.9.4.3, PRE_AUTH); with one, it is not looked at."""

OPERATIONS: Final[Operations] = {
    "GetSystemDateAndTime": _get_system_date_and_time,
    "SetSystemDateAndTime": _set_system_date_and_time,
    "GetDeviceInformation": _get_device_information,
    "GetServices": _get_services,
    "GetServiceCapabilities": _get_service_capabilities,
    "GetCapabilities": _get_capabilities,
    "GetNetworkInterfaces": _get_network_interfaces,
    "GetNetworkProtocols": _get_network_protocols,
    "GetNetworkDefaultGateway": lambda _: element(
        "tds:GetNetworkDefaultGatewayResponse", element("tds:NetworkGateway")
    ),
    "GetScopes": _get_scopes,
    "GetHostname": _get_hostname,
    "GetDNS": lambda _: _from_dhcp("GetDNS", "DNSInformation"),
    "GetNTP": lambda _: _from_dhcp("GetNTP", "NTPInformation"),
    "GetUsers": _get_users,
    "GetDiscoveryMode": lambda _: element("tds:GetDiscoveryModeResponse", element("tds:DiscoveryMode", "Discoverable")),
    "GetWsdlUrl": lambda _: element("tds:GetWsdlUrlResponse", element("tds:WsdlUrl", "http://www.onvif.org/")),
    "GetEndpointReference": lambda visit: element(
        "tds:GetEndpointReferenceResponse", element("tds:GUID", f"urn:uuid:{visit.device.identity.uuid}")
    ),
    "SystemReboot": _system_reboot,
}
