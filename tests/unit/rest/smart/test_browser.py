"""Forms as browsers and apps send them, without a server."""

import pytest
from fastapi import Request

from fhir_server.errors import InvalidRequest
from fhir_server.rest.smart import browser


async def test_who_hangs_up_before_the_form_is_whole_causes_no_fault_of_the_server():
    messages = iter(
        [{"type": "http.request", "body": b"token=", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive():
        return next(messages)

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(InvalidRequest, match="whole"):
        await browser.form(request)
