"""What a process knows by number."""

from fhir_server.store import interning
from fhir_server.store.interning import Interning


def test_a_transaction_keeps_what_it_knew_when_others_make_the_process_forget():
    known = Interning()
    known.patients["p1"] = 7
    running, filling = known.begin(), known.begin()

    filling._patients = {f"x{number}": number + 8 for number in range(interning.CACHE_LIMIT)}
    filling.committed()

    assert "p1" not in known.patients
    assert running.patient("p1") == 7
