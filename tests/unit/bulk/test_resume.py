"""How far a load has come."""

from fhir_server.bulk import resume


def test_progress_is_read_as_it_was_written_until_it_is_forgotten(tmp_path):
    path = tmp_path / "load.json"
    assert resume.read(path) == {}
    resume.write(path, {"/a": 500})
    assert resume.read(path) == {"/a": 500}
    assert [each.name for each in tmp_path.iterdir()] == ["load.json"]
    resume.forget(path)
    assert resume.read(path) == {}


def test_a_file_that_was_cut_short_counts_as_no_progress(tmp_path):
    path = tmp_path / "load.json"
    path.write_text('{"/a": 5')
    assert resume.read(path) == {}
