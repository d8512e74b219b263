"""Contents of Binaries, and how tests send and ask for them."""

import base64
import json

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 2
LARGE = bytes(range(251)) * 1_000  # 251,000 bytes


def resource(content, **more):
    tree = {
        "resourceType": "Binary",
        "contentType": "application/pdf",
        "data": base64.b64encode(content).decode(),
        **more,
    }
    return {"content": json.dumps(tree), "headers": {"Content-Type": "application/fhir+json"}}


async def posted(client, content, content_type="application/pdf", **headers):
    answer = await client.post(
        "/fhir/Binary", content=content, headers={"Content-Type": content_type, **headers}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def as_resource(client, id, path="/fhir/Binary/"):
    return await client.get(f"{path}{id}", headers={"Accept": "application/fhir+json"})
