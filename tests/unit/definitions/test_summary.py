from fhir_server.definitions.summary import mandatory_elements, summary_elements


def test_a_summary_keeps_what_r4_marks_and_drops_the_rest():
    kept = summary_elements("Observation")

    assert {"id", "meta", "status", "code", "subject", "valueQuantity", "effectiveDateTime"} <= kept
    assert not {"note", "category", "bodySite", "text", "extension"} & kept


def test_a_primitive_keeps_its_extensions_beside_it():
    assert {"status", "_status"} <= summary_elements("Observation")
    assert "_code" not in summary_elements("Observation")


def test_a_nested_element_has_a_summary_of_its_own():
    assert "total" in summary_elements("Bundle")
    assert "other" in summary_elements("Patient.link")


def test_a_data_type_is_kept_whole():
    assert {"value", "unit", "system", "code", "extension"} <= summary_elements("Quantity")


def test_mandatory_elements_are_the_required_ones():
    assert mandatory_elements("Observation") == {"status", "_status", "code"}
    assert mandatory_elements("Patient") == set()
