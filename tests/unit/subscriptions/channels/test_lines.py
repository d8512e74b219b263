"""A subscription's line stays its own until its endpoint is elsewhere."""

from ipaddress import ip_network

import pytest

from fhir_server.outbound import Outbound, OutboundError
from fhir_server.subscriptions.channels.lines import Lines

HERE, ELSEWHERE = "http://127.0.0.1:1/in", "http://127.0.0.1:2/in"


async def test_a_line_is_kept_for_its_host_and_for_no_other():
    lines = Lines(Outbound([ip_network("127.0.0.0/8")]))
    first = await lines.to(1, HERE)
    assert await lines.to(1, f"{HERE}?again") is first
    assert await lines.to(2, HERE) is not first
    with pytest.raises(OutboundError):
        await lines.to(1, "ftp://127.0.0.1:1/in")
    assert await lines.to(1, HERE) is first
    assert await lines.to(1, ELSEWHERE) is not first
    await lines.close()
