import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject

from ingest.errors import UnreadableFile
from ingest.files.ecg_pdf import EcgPdf
from ingest.files.format import Incoming, Saying
from ingest.files.formats import FORMATS

RECEIVED = datetime(2024, 5, 1, tzinfo=UTC)
PLUS_ONE = timezone(timedelta(hours=1))


def pdf(*changes, pages=1):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    for change in changes:
        change(writer)
    text = io.BytesIO()
    writer.write(text)
    return text.getvalue()


def named(writer, what):
    writer.root_object[NameObject("/Names")] = DictionaryObject({NameObject(what): DictionaryObject()})


def contents(tmp_path, text, zone=UTC):
    path = tmp_path / "brought"
    path.write_bytes(text)
    file = Incoming("report.pdf", path, len(text), b"")
    return EcgPdf().read(file, Saying(zone=zone).origin(None, RECEIVED))


def test_a_pdf_is_told_by_its_first_bytes_and_by_no_other_format():
    heads = [b"%PDF-1.4\n...", b"\r\n junk \r\n%PDF-1.7\n"]
    assert all(EcgPdf().recognises(head, "x.bin") for head in heads)
    assert not EcgPdf().recognises(b"{}" + bytes(1022) + b"%PDF-1.4", "x.pdf")
    assert [each.name for each in FORMATS if each.recognises(heads[0], "x.pdf")] == ["ecg-pdf"]


def test_the_pages_are_counted_and_no_value_is_read(tmp_path):
    found = contents(tmp_path, pdf(pages=3))
    assert list(found.units) == []
    assert found.notes == ("3 pages, kept as they are; no values are read from a PDF",)
    assert (found.document.title, found.document.content_type) == ("report.pdf", "application/pdf")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda writer: named(writer, "/JavaScript"), "scripts (/JavaScript)"),
        (lambda writer: writer.add_attachment("x.exe", b"MZ"), "embedded files (/EmbeddedFiles)"),
    ],
)
def test_what_a_viewer_would_run_is_noted(tmp_path, change, said):
    (note,) = [each for each in contents(tmp_path, pdf(change)).notes if each.startswith("the PDF holds")]
    assert said in note


@pytest.mark.parametrize(
    ("stated", "dated"),
    [
        ("D:20240601120000+02'00'", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ("D:20240601120000", datetime(2024, 6, 1, 11, tzinfo=UTC)),
        ("the first of June", None),
    ],
)
def test_a_date_without_an_offset_is_of_the_devices_zone(tmp_path, stated, dated):
    text = pdf(lambda writer: writer.add_metadata({"/CreationDate": stated}))
    assert contents(tmp_path, text, zone=PLUS_ONE).document.dated == dated


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (pdf()[:-30], r"breaks off at byte \d+: its last line, %%EOF, is missing"),
        (pdf(lambda writer: writer.encrypt("secret", algorithm="RC4-128")), "is encrypted"),
        (pdf(pages=0), "has no page"),
        (b"%PDF-1.4\nnothing\n%%EOF", "cannot be read before its end at byte 22"),
    ],
    ids=["cut off", "encrypted", "no page", "no structure"],
)
def test_a_pdf_that_nobody_could_read_is_refused(tmp_path, text, said):
    with pytest.raises(UnreadableFile, match=said):
        contents(tmp_path, text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), put=st.binary(min_size=1, max_size=20), cut=st.booleans())
def test_whatever_is_broken_is_kept_or_refused(tmp_path, at, put, cut):
    text = pdf(lambda writer: named(writer, "/JavaScript"))
    place = at % len(text)
    broken = text[:place] + put + text[place + (0 if cut else len(put)) :]
    with suppress(UnreadableFile):
        assert contents(tmp_path, broken).document is not None


@pytest.mark.parametrize(("stated", "told"), [("D:20240601120000", True), ("D:20240601120000+02'00'", False)])
def test_an_offset_that_the_pdf_does_not_state_is_told(tmp_path, stated, told):
    text = pdf(lambda writer: writer.add_metadata({"/CreationDate": stated}))
    notes = contents(tmp_path, text, zone=PLUS_ONE).notes
    assert any("no offset from UTC; +01:00 was taken" in note for note in notes) == told
