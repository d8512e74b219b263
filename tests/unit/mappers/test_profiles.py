import pytest

from mappers.declaration import parse
from mappers.errors import InvalidDeclaration, UnknownProfile
from mappers.profile import PROFILES, device_profile
from mappers.profiles import built_in, with_own

BAND = """\
text: Wrist band
version: "2.1"
fields:
  pulse: {metric: heart-rate, unit: /min}
"""


def test_own_device_types_stand_beside_those_of_the_package():
    profiles = with_own([("wrist-band", parse(BAND, "wrist-band.yaml"))])

    assert profiles.get("wrist-band").version == "2.1"
    assert profiles.own == {"wrist-band"}
    assert set(profiles.by_key) == {*PROFILES, "wrist-band"}
    assert profiles.get("scale") is device_profile("scale")


def test_an_unknown_type_is_refused_with_the_own_ones_among_those_there_are():
    profiles = with_own([("wrist-band", parse(BAND, "wrist-band.yaml"))])

    with pytest.raises(UnknownProfile, match=r"'toaster'\. Choose one of activity-tracker.*wrist-band"):
        profiles.get("toaster")
    with pytest.raises(UnknownProfile):
        built_in().get("wrist-band")


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("scale", "`scale` is a device type of this server"),
        ("Wrist Band", "`Wrist Band` is no name for a device type"),
        ("", "is no name for a device type"),
        ("b" * 65, "is no name for a device type"),
        ("band-", "is no name for a device type"),
    ],
)
def test_a_name_that_is_taken_or_is_none_is_refused(key, complaint):
    with pytest.raises(InvalidDeclaration, match=rf"band\.yaml, line 1: .*{complaint}"):
        with_own([(key, parse(BAND, "band.yaml"))])
