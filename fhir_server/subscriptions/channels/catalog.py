"""Every channel by which this server sends; what the others tell is asked for by whoever is connected.

https://hl7.org/fhir/R4/valueset-subscription-channel-type.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir_server.subscriptions.channels import rest_hook
from fhir_server.subscriptions.channels.outgoing import PushChannel
from fhir_server.subscriptions.model import ChannelType

CHANNELS: Final[Mapping[ChannelType, PushChannel]] = MappingProxyType(
    {"rest-hook": PushChannel(rest_hook.message, rest_hook.failure)}
)
