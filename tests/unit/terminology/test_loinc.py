import pytest

from terminology.loinc import check_digit, is_well_formed


@pytest.mark.parametrize(
    "code",
    ["8867-4", "9279-1", "2708-6", "59408-5", "8310-5", "85354-9", "8480-6", "8462-4", "11524-6", "3150-0"],
)
def test_a_published_code_is_well_formed(code):
    assert is_well_formed(code)


@pytest.mark.parametrize(
    "code", ["3150-6", "11524-0", "8867-5", "8867", "8867-", "-4", "8867-44", "8867−4", "٨-4", ""]
)
def test_a_code_with_a_wrong_check_digit_or_shape_is_not_well_formed(code):
    assert not is_well_formed(code)


def test_the_check_digit_of_a_text_is_refused():
    with pytest.raises(ValueError, match="'88a7' is not the number"):
        check_digit("88a7")
