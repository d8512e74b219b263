"""A service without a user reads Observations: it signs for its own token, which lasts five minutes.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html

    pip install joserfc
    python examples/backend_service.py --make-key private.json > public.json
    fhir-server client add "Night report" --id night-report --kind backend --jwks-file public.json --scope system/Observation.rs
    python examples/backend_service.py --key private.json --client night-report http://127.0.0.1:8000/fhir
"""

import argparse
import json
import os
import time
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def make_key(path: Path) -> str:
    """The public half of a new key, as the server is to know it; the private half is in the file, for its owner alone."""
    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384", "kid": uuid.uuid4().hex})
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)
    return json.dumps(KeySet([key]).as_dict(private=False), indent=2)


def token(endpoint: str, client: str, key: ECKey) -> str:
    """An access token for Observations; urllib's HTTPError when the server refuses."""
    claims = {
        "iss": client,
        "sub": client,
        "aud": endpoint,
        "exp": int(time.time()) + 240,
        "jti": uuid.uuid4().hex,
    }
    header = {"alg": "ES384", "typ": "JWT", "kid": key.kid}
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Observation.rs",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": jwt.encode(header, claims, key, algorithms=["ES384"]),
    }
    return answer(urllib.request.Request(endpoint, urllib.parse.urlencode(form).encode()))["access_token"]


def answer(request: urllib.request.Request | str) -> dict[str, object]:
    """What the server says; urllib's HTTPError when it refuses."""
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def report(fhir: str, client: str, key: ECKey, since: str) -> None:
    """Nothing; a line is printed for each Observation since then, page by page."""
    found = answer(f"{fhir}/.well-known/smart-configuration")
    bearer = {"Authorization": f"Bearer {token(found['token_endpoint'], client, key)}"}
    url = f"{fhir}/Observation?_lastUpdated=ge{urllib.parse.quote(since)}&_count=500"
    while url:
        page = answer(urllib.request.Request(url, headers=bearer))
        for entry in page.get("entry", []):
            seen = entry["resource"]
            value = seen.get("valueQuantity", {})
            print(
                seen.get("effectiveDateTime"),
                seen["code"]["coding"][0]["code"],
                value.get("value"),
                value.get("unit"),
            )
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)


def main() -> None:
    """Nothing; makes a key, or prints the report."""
    parser = argparse.ArgumentParser(description="Print the Observations of the server.")
    parser.add_argument(
        "fhir", nargs="?", default="http://127.0.0.1:8000/fhir", help="the server's FHIR address"
    )
    parser.add_argument("--client", default="night-report", help="the id that the service is registered with")
    parser.add_argument(
        "--key", type=Path, default=Path("private.json"), help="the file with its private key"
    )
    parser.add_argument("--since", default="2000-01-01", help="the time after which Observations came")
    parser.add_argument("--make-key", type=Path, metavar="FILE", help="make a key, and print its public half")
    asked = parser.parse_args()
    if asked.make_key:
        print(make_key(asked.make_key))
    else:
        report(asked.fhir, asked.client, ECKey.import_key(json.loads(asked.key.read_text())), asked.since)


if __name__ == "__main__":
    main()
