import os
from pathlib import Path

import pytest

from fhir_server.store.embedded import socket_folder
from fhir_server.store.embedded.account import Account
from fhir_server.store.embedded.directory import DataDirectory

ME = Account(os.geteuid(), os.getegid())


def test_a_short_data_directory_holds_the_socket_itself(tmp_path: Path):
    found = socket_folder.opened(DataDirectory(tmp_path), ME)

    assert found == tmp_path / "run"
    assert found.stat().st_mode & 0o777 == 0o700


def test_the_socket_of_a_long_data_directory_has_a_new_short_folder_each_time(tmp_path: Path):
    long = DataDirectory(tmp_path / ("x" * 100))
    first, second = socket_folder.opened(long, ME), socket_folder.opened(long, ME)

    assert first != second
    for folder in (first, second):
        assert len(os.fsencode(folder / socket_folder.SOCKET_NAME)) <= 107
        assert folder.stat().st_mode & 0o777 == 0o700
        socket_folder.removed(folder, ME)
        assert not folder.exists()


def test_a_runtime_folder_in_which_others_can_rename_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(socket_folder, "_parents", lambda: iter([shared, Path("/tmp")]))
    found = socket_folder.opened(DataDirectory(tmp_path / ("x" * 100)), ME)
    socket_folder.removed(found, ME)

    assert found.parent == Path("/tmp")


def test_no_safe_place_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket_folder, "_parents", lambda: iter([tmp_path / "none"]))

    with pytest.raises(socket_folder.UnsafeFolder, match="XDG_RUNTIME_DIR"):
        socket_folder.opened(DataDirectory(tmp_path / ("x" * 100)), ME)


def test_only_folders_of_our_making_are_removed(tmp_path: Path):
    other, full = tmp_path / "other", tmp_path / "fhir-server-full"
    for folder in (other, full):
        folder.mkdir(mode=0o700)
    (full / "kept").write_text("")
    socket_folder.removed(other, ME)
    socket_folder.removed(full, ME)

    assert other.exists()
    assert (full / "kept").exists()
