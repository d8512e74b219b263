"""Files told apart, and those that are parts of others kept with them."""

import pytest

from ingest.errors import TooLarge, UnreadableFile
from ingest.files.bringing import incoming, paths, told_apart
from ingest.files.format import Contents, Format


class Headed(Format):
    """Files that begin with `head`, each with the one of the same name and another ending."""

    name = "headed"

    def recognises(self, head, name):
        return head.startswith(b"head")

    def read(self, file, origin):
        return Contents(())

    def parts(self, file):
        part = file.bare_name.replace(".hea", ".dat")
        return [part] if part in file.beside else []


class Anything(Headed):
    name = "anything"

    def recognises(self, head, name):
        return True

    def parts(self, file):
        return ()


def brought(folder, *formats):
    return told_apart([incoming(name, path, 100) for name, path in paths(folder)], formats)


@pytest.fixture
def folder(tmp_path):
    for name, content in {"a/1.hea": "head", "a/1.dat": "x", "b/1.dat": "y", ".hidden": "z"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_a_part_is_not_read_alone_and_one_of_its_name_elsewhere_is(folder):
    found = brought(folder, Headed(), Anything())
    assert [(file.name, format.name) for file, format in found.readable] == [
        ("a/1.hea", "headed"),
        ("b/1.dat", "anything"),
    ]
    assert found.unknown == ()


def test_what_lies_beside_a_file_is_that_of_its_own_folder(folder):
    (head, _), *_ = brought(folder, Headed()).readable
    assert {name: path.read_text() for name, path in head.beside.items()} == {"1.dat": "x"}


def test_a_file_of_no_format_is_unknown(folder):
    assert [file.name for file in brought(folder, Headed()).unknown] == ["b/1.dat"]


def test_too_large_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 101)
    with pytest.raises(TooLarge, match="a has 101 bytes; at most 100"):
        brought(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableFile, match=r"gone\.edf cannot be read: No such file"):
        brought(tmp_path / "gone.edf")
