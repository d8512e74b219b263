"""What commands print."""

from fhir_server.cli.console import print_table


def test_a_row_is_one_line_where_no_terminal_folds_it(capsys):
    rows = [{"device_id": "pi-001", "reason": "too long for eighty columns " * 10, "patient": None}]
    print_table(("device_id", "reason", "patient"), rows, empty="None.")
    _, _, row = (line for line in capsys.readouterr().out.splitlines() if line.strip())
    assert row.split() == ["pi-001", *("too long for eighty columns " * 10).split()]


def test_no_rows_are_said_in_words(capsys):
    print_table(("device_id",), [], empty="No device is registered.")
    assert capsys.readouterr().out == "No device is registered.\n"
