"""Whether a request could be read on its way here.

https://www.rfc-editor.org/rfc/rfc9110#section-4.2.2; docs/operations.md, "Behind a proxy"
"""

import ipaddress

from fastapi import Request

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def confidential(request: Request) -> bool:
    """Whether the request came over HTTPS, as a proxy that is trusted says, or never left this machine."""
    return request.scope["scheme"] == "https" or from_this_machine(request)


def from_this_machine(request: Request) -> bool:
    """Whether the client is on loopback, and not a proxy that speaks for somebody else."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
