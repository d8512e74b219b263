from hypothesis import given
from hypothesis import strategies as st

from fhir_server.operations.latest import Row, latest

CODES = st.lists(st.sampled_from("abcde"), max_size=2, unique=True).map(tuple)
ROWS = st.lists(
    st.tuples(CODES, st.sampled_from(["x", "y"]), st.sampled_from([None, "1", "2", "3"])), max_size=25
)


def rows(drawn):
    """Rows as the database gives them: newest first, those without a date last."""
    ordered = sorted(drawn, key=lambda one: (one[2] is not None, one[2] or ""), reverse=True)
    return [
        Row(codes, None if codes else text, date, str(n), "") for n, (codes, text, date) in enumerate(ordered)
    ]


def connected(one, other, all_rows):
    """Whether two rows are one group, by trying all ways from one to the other."""
    reached, frontier = {id(one)}, [one]
    while frontier:
        here = frontier.pop()
        for row in all_rows:
            same = bool(set(here.codings) & set(row.codings)) or (
                not here.codings and not row.codings and here.text == row.text
            )
            if same and id(row) not in reached:
                reached.add(id(row))
                frontier.append(row)
    return id(other) in reached


@given(ROWS, st.integers(1, 4))
def test_a_row_is_taken_when_fewer_of_its_group_are_newer(drawn, number):
    given_rows = rows(drawn)
    expected = []
    for place, row in enumerate(given_rows):
        group = [one for one in given_rows if connected(one, row, given_rows)]
        newer = (
            [one for one in group if one.date is not None and one.date > row.date]
            if row.date is not None
            else [one for one in group if given_rows.index(one) < place]
        )
        if len(newer) < number:
            expected.append(row.id)
    assert [row.id for row in latest(given_rows, number)] == expected


def test_the_examples_of_the_specification():
    def groups(*codes):
        found = latest([Row(code if isinstance(code, tuple) else (), None if isinstance(code, tuple) else code,
                            str(9 - n), str(n), "") for n, code in enumerate(codes)], 1)  # fmt: skip
        return len(found)

    assert groups(("a",), ("b",), ("c",)) == 3
    assert groups(("a",), ("b",), ("a", "c")) == 2
    assert groups(("a",), ("b",), ("a", "b")) == 1
    assert groups("textM", "Text", "t e x t") == 3
