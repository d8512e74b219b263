import pytest

from terminology.errors import TerminologyUnavailable
from terminology.service import Coding, NoTerminologyService, TerminologyService

HEART_RATE = Coding("http://loinc.org", "8867-4")


async def test_a_server_without_a_terminology_service_guesses_nothing():
    service: TerminologyService = NoTerminologyService()

    with pytest.raises(TerminologyUnavailable, match=r"whether http://loinc.org\|8867-4 is in http://x/vs"):
        await service.validate_code(HEART_RATE, "http://x/vs")
    with pytest.raises(TerminologyUnavailable, match="what http://x/vs contains"):
        await service.expand("http://x/vs")
    with pytest.raises(TerminologyUnavailable, match="what http://x/cm makes of"):
        await service.translate(HEART_RATE, "http://x/cm")
    with pytest.raises(TerminologyUnavailable, match="subsumes 8867-4"):
        await service.subsumes(Coding("http://loinc.org", "8716-3"), HEART_RATE)
    with pytest.raises(TerminologyUnavailable, match=r"what is above http://loinc.org\|8867-4"):
        await service.above(HEART_RATE)
    with pytest.raises(TerminologyUnavailable, match=r"what is below http://loinc.org\|8867-4"):
        await service.below(HEART_RATE)
