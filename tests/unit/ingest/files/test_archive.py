"""Archives unpacked within bounds."""

import zipfile

import pytest

from ingest.errors import TooLarge, UnreadableFile
from ingest.files.archive import unpacked
from ingest.files.bringing import incoming


@pytest.fixture
def packed(tmp_path):
    def made(**members):
        path = tmp_path / "card.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return incoming("card.zip", path, 10**6)

    return made


def test_members_keep_their_names_and_lie_under_others(packed, tmp_path):
    files = unpacked([packed(**{"../../etc/a": b"1", "__MACOSX/b": b"2", ".c": b"3"})], tmp_path, 100)
    (file,) = files
    assert (file.name, file.path.read_bytes(), file.path.parent) == ("etc/a", b"1", tmp_path / "archive-0")


def test_what_is_no_archive_is_left_as_it_is(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    file = incoming("a", tmp_path / "a", 10)
    assert unpacked([file], tmp_path, 100) == [file]


def test_more_bytes_than_are_taken_are_refused_before_they_are_written(packed, tmp_path):
    with pytest.raises(TooLarge, match=r"come out of card\.zip"):
        unpacked([packed(a=b"0" * 600, b=b"0" * 600)], tmp_path, 1_000)


@pytest.mark.parametrize("kept", [4, 30, 80])
def test_a_broken_archive_is_named(packed, tmp_path, kept):
    file = packed(a=b"0" * 600)
    file.path.write_bytes(file.path.read_bytes()[:kept])
    with pytest.raises(UnreadableFile, match=r"card\.zip is no ZIP archive"):
        unpacked([file], tmp_path, 1_000)
