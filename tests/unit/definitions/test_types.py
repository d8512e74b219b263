from fhir_server.definitions.types import RESOURCE_TYPE_NAMES, RESOURCE_TYPES


def test_there_are_the_146_types_of_r4_each_with_its_own_small_number():
    assert len(RESOURCE_TYPES) == 146
    assert sorted(RESOURCE_TYPES.values()) == list(range(1, 147))


def test_numbers_that_rows_refer_to_never_change():
    numbers = {
        name: RESOURCE_TYPES[name] for name in ("Account", "Device", "Observation", "VisionPrescription")
    }

    assert numbers == {"Account": 1, "Device": 35, "Observation": 96, "VisionPrescription": 146}


def test_abstract_and_data_types_are_no_resource_types():
    assert not {"Resource", "DomainResource", "MetadataResource", "Quantity"} & set(RESOURCE_TYPES)


def test_a_number_leads_back_to_its_name():
    assert RESOURCE_TYPE_NAMES[RESOURCE_TYPES["Device"]] == "Device"
