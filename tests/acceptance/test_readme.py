"""What the README tells to type, typed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest

from fhir_server.demo import ward
from fhir_server.demo.http import Client
from tests.acceptance.command_line import ROOT, TOKEN, environment
from tests.pages import form

pytestmark = pytest.mark.xdist_group("command-line")

PASSWORD = "tiger lamp seven boat"


class Bash:
    """One shell, so that what a block sets is there for the next."""

    def __init__(self, folder, **env):
        path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
        self.process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
            env=environment(**env, PATH=path),
        )  # fmt: skip

    def lines(self, block, **variables):
        """What a block prints, all of whose commands must succeed."""
        given = "".join(f"{name}='{value}'\n" for name, value in variables.items())
        self.process.stdin.write(f"set -e -o pipefail\n{given}{block}\necho; echo done\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return [each for each in lines if each.strip()]
            lines.append(line)
        raise AssertionError(f"bash ended: {lines}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=10)


def _blocks(title):
    text = (ROOT / "README.md").read_text()
    section = re.search(rf"^## {title}$(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def _code(address, name, one_time):
    """The code for which someone logs in, chooses a password and allows everything."""
    with httpx.Client() as browser:
        shown = _settled(browser, browser.get(address))
        for action, typed in (
            ("login", {"name": name, "password": one_time}),
            ("password", {"old": one_time, "new": PASSWORD, "again": PASSWORD}),
            ("consent", {"decision": "allow"}),
        ):
            fields = [(field, value) for field, value in form(shown.text, action) if field not in typed]
            sent = httpx.QueryParams([*fields, *typed.items()])
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            at = urljoin(str(shown.url), action)
            shown = _settled(browser, browser.post(at, content=str(sent), headers=headers))
    return dict(parse_qsl(urlsplit(shown.headers["location"]).query))["code"]


def _settled(browser, answer):
    """The page that a browser ends at, or the answer that leads away from the server."""
    while answer.status_code == 303 and not answer.headers["location"].startswith("http://localhost:9999"):
        answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
    return answer


async def test_smart_in_five_minutes_does_what_it_says(server, tmp_path):
    await ward.patients(Client(server.url, TOKEN))
    blocks = _blocks("SMART in five minutes")
    register, redeem, read, serve = (each.replace("http://127.0.0.1:8000", server.url) for each in blocks)
    with Bash(tmp_path, FHIR_DATA_DIR=str(server.data_dir)) as bash:
        said = bash.lines(register)
        one_time = next(line.split()[-1] for line in said if "one-time password" in line)
        (granted,) = map(json.loads, bash.lines(redeem, CODE=_code(said[-1].strip(), "ada", one_time)))
        own, other = "".join(bash.lines(read, ACCESS_TOKEN=granted["access_token"])).split("}{")
        service = json.loads(bash.lines(serve)[-1])

    assert granted["patient"] == "p1"
    assert '"id": "p1"' in own
    assert '"not-found"' in other
    assert (service["scope"], service["expires_in"]) == ("system/Observation.rs", 300)


def test_be_told_does_what_it_says(server, tmp_path):
    httpx.put(
        f"{server.url}/fhir/Patient/p1",
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"},
        content='{"resourceType":"Patient","id":"p1"}',
    )
    (block,) = (each.replace("http://127.0.0.1:8000", server.url) for each in _blocks("Be told"))
    with Bash(tmp_path, FHIR_TOKEN=TOKEN) as bash:
        said = bash.lines(block.replace("curl -sN", "! timeout 4 curl -sN"))
    number = said.index("id: 1\n")
    assert '"value": 71' in said[number + 1]
    assert "event-notification" in said[number + 1]
