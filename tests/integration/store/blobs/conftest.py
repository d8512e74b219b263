"""A real S3-compatible server for the tests, with its own check of signatures: S3Proxy over a folder."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fhir_server.store.blobs.s3 import S3Blobs, s3_store

CREDENTIALS = ("test-key", "test-secret")

_PROJECT = Path(__file__).parent
_CLASSPATH = Path(__file__).parents[4] / ".venv" / "s3.classpath"  # which `make` writes
_PATIENCE_SECONDS = 60

_PROPERTIES = """
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={key}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={folder}
jclouds.identity=none
jclouds.credential=none
"""
_QUIET = '<configuration><root level="OFF"/></configuration>'


class Bucket(NamedTuple):
    """A bucket that is there, and the folder its objects lie in."""

    endpoint: str
    name: str
    folder: Path

    def blobs(self, prefix: str = "", credentials: tuple[str, str] = CREDENTIALS) -> S3Blobs:
        store = s3_store(
            self.name, prefix, endpoint=self.endpoint, region="us-east-1", credentials=credentials
        )
        return S3Blobs(store)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bucket]]:
    """Makes a bucket of this name on a running server."""
    folder = tmp_path_factory.mktemp("s3")
    data, port = folder / "data", _free_port()
    data.mkdir()
    key, secret = CREDENTIALS
    (folder / "s3proxy.conf").write_text(_PROPERTIES.format(port=port, key=key, secret=secret, folder=data))
    (folder / "logback.xml").write_text(_QUIET)
    command = [
        "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", f"-Dlogback.configurationFile={folder}/logback.xml",
        "-cp", _classpath(), "org.gaul.s3proxy.Main", "--properties", str(folder / "s3proxy.conf"),
    ]  # fmt: skip
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
        try:
            _wait_for(server, port, folder / "said")

            def bucket(name: str) -> Bucket:
                (data / name).mkdir(exist_ok=True)
                return Bucket(f"http://127.0.0.1:{port}", name, data / name)

            yield bucket
        finally:
            server.kill()


def _classpath() -> str:
    """The server's jars, from Maven Central once."""
    for tool in ("java", "mvn"):
        assert shutil.which(tool), f"{tool} is not installed. `make deps` installs it."
    found = _CLASSPATH.read_text() if _CLASSPATH.exists() else ""
    if not found or not all(Path(jar).exists() for jar in found.split(":")):
        subprocess.run(
            ["mvn", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={_CLASSPATH}"],
            cwd=_PROJECT, check=True, timeout=600, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return _CLASSPATH.read_text()


def _wait_for(server: "subprocess.Popen[bytes]", port: int, said: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
