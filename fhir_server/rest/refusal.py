"""An answer to a request that failed before anyone knew in what manner it wants its answer; of a WebSocket before it was one.

https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response
"""

from fhir_server.json import dumps
from fhir_server.outcomes import failure
from fhir_server.rest.answer import Answer, Manner, send_answer
from fhir_server.rest.asgi import Message, Scope, Send
from fhir_server.rest.negotiation import FHIR_JSON


async def refuse(error: Exception, scope: Scope, send: Send) -> None:
    """Nothing; the client is told of `error` by an OperationOutcome."""
    failing = failure(error)
    answer = Answer(failing.status, dumps(failing.outcome), failing.headers)
    if scope["type"] == "http":
        await send_answer(answer, Manner(FHIR_JSON, head=scope["method"] == "HEAD"), send)
        return

    async def send_denying(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await send_answer(answer, Manner(FHIR_JSON), send_denying)
