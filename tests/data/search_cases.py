"""What https://hl7.org/fhir/R4/search.html says is found and what is not, case by case, in the words of its tables."""

from typing import NamedTuple


class Case(NamedTuple):
    """`type?name=value` finds the resource with these elements, or does not, as `cell` says."""

    cell: str
    type: str
    name: str
    value: str
    elements: dict
    found: bool

    @property
    def resource(self) -> dict:
        """The resource."""
        return {"resourceType": self.type, **self.elements}


def _at(moment: str) -> dict:
    return {"effectiveDateTime": moment}


def _during(**period: str) -> dict:
    return {"effectivePeriod": period}


def _coded(*codings: dict, **more: str) -> dict:
    return {"code": {"coding": list(codings), **more}}


def _date(cell: str, value: str, elements: dict, *, found: bool) -> Case:
    return Case(f"{value}: {cell}", "Observation", "date", value, elements, found)


FROM_21_JAN, FROM_15_MAR = _during(start="2013-01-21"), _during(start="2013-03-15")
UNTIL_21_JAN = _during(end="2013-01-21")

DATES = (
    _date("2013-01-14T00:00 matches (obviously)", "eq2013-01-14", _at("2013-01-14T00:00:00Z"), found=True),
    _date("2013-01-14T10:00 matches", "eq2013-01-14", _at("2013-01-14T10:00:00Z"), found=True),
    _date("2013-01-15T00:00 is not in the range", "eq2013-01-14", _at("2013-01-15T00:00:00Z"), found=False),
    _date("2013-01-15T00:00 is not in the range", "ne2013-01-14", _at("2013-01-15T00:00:00Z"), found=True),
    _date("2013-01-14T00:00 is in the range", "ne2013-01-14", _at("2013-01-14T00:00:00Z"), found=False),
    _date("2013-01-14T10:00 is in the range", "ne2013-01-14", _at("2013-01-14T10:00:00Z"), found=False),
    _date("2013-01-14 includes the part before 10am", "lt2013-01-14T10:00", _at("2013-01-14"), found=True),
    _date("2013-01-14 includes the part after 10am", "gt2013-01-14T10:00", _at("2013-01-14"), found=True),
    _date("from 21-Jan 2013 onwards may be after 14-Mar", "ge2013-03-14", FROM_21_JAN, found=True),
    _date("from 21-Jan 2013 onwards may be before 14-Mar", "le2013-03-14", FROM_21_JAN, found=True),
    _date("from 15-Mar 2013 onwards starts after 14-Mar", "sa2013-03-14", FROM_15_MAR, found=True),
    _date("from 21-Jan 2013 onwards starts before 14-Mar", "sa2013-03-14", FROM_21_JAN, found=False),
    _date("before and including 21-Jan starts before", "sa2013-03-14", UNTIL_21_JAN, found=False),
    _date("from 15-Mar 2013 onwards starts after 14-Mar", "eb2013-03-14", FROM_15_MAR, found=False),
    _date("from 21-Jan onwards does not end before it", "eb2013-03-14", FROM_21_JAN, found=False),
    _date("before and including 21-Jan ends before 14-Mar", "eb2013-03-14", UNTIL_21_JAN, found=True),
    _date("14-Mar 2013 exactly matches", "ap2013-03-14", _at("2013-03-14"), found=True),
    _date("15-Jun 2035 is not near 14-Mar 2013", "ap2013-03-14", _at("2035-06-15"), found=False),
    _date("a year is all of it: its first moment", "2000", _at("2000-01-01T00:00:00Z"), found=True),
    _date("a year is all of it: its last minute", "2000", _at("2000-12-31T23:59:00Z"), found=True),
    _date("a month is all of it: its last minute", "2000-04", _at("2000-04-30T23:59:00Z"), found=True),
    _date("and nothing of the next", "2000-04", _at("2000-05-01T00:00:00Z"), found=False),
    _date("time zones are corrected for", "2013-01-14", _at("2013-01-14T23:30:00-05:00"), found=False),
    _date("time zones are corrected for", "2013-01-15", _at("2013-01-14T23:30:00-05:00"), found=True),
    _date("a missing lower boundary is less than any date", "lt0001-01-02", UNTIL_21_JAN, found=True),
    _date("a missing upper boundary is greater than any date", "gt9999-12-30", FROM_21_JAN, found=True),
)

GENDERS = "http://hl7.org/fhir/administrative-gender"
ACME = "http://acme.org/conditions/codes"
TOKENS = (
    Case(
        "an identifier with key = 2345 in the system",
        "Patient",
        "identifier",
        "http://acme.org/patient|2345",
        {"identifier": [{"system": "http://acme.org/patient", "value": "2345"}]},
        True,
    ),
    Case(
        "the same key in another system",
        "Patient",
        "identifier",
        "http://acme.org/patient|2345",
        {"identifier": [{"system": "http://else.org/patient", "value": "2345"}]},
        False,
    ),
    Case("any patient with a gender that has the code male", "Patient", "gender", "male", {"gender": "male"}, True),
    Case("a gender that does not have the code male", "Patient", "gender:not", "male", {"gender": "female"}, True),
    Case("the system that a code implies, of any code", "Patient", "gender", GENDERS + "|", {"gender": "male"}, True),
    Case("the system that a code implies, of one code", "Patient", "gender", GENDERS + "|male", {"gender": "male"}, True),
    Case("a system that the code does not imply", "Patient", "gender", "http://acme.org|", {"gender": "male"}, False),
    Case("not does not return any that have it", "Patient", "gender:not", "male", {"gender": "male"}, False),
    Case("including patients that do not have a gender at all", "Patient", "gender:not", "male", {}, True),
    Case(
        "a Composition that contains the section",
        "Composition",
        "section",
        "48765-2",
        {"section": [{"code": {"coding": [{"code": "48765-2"}]}}, {"code": {"coding": [{"code": "other"}]}}]},
        True,
    ),
    Case(
        "the negation applies to the set, not each individual entry",
        "Composition",
        "section:not",
        "48765-2",
        {"section": [{"code": {"coding": [{"code": "48765-2"}]}}, {"code": {"coding": [{"code": "other"}]}}]},
        False,
    ),
    Case("any patients that are active", "Patient", "active", "true", {"active": True}, True),
    Case("and none that is not", "Patient", "active", "true", {"active": False}, False),
    Case(
        "a condition with a code ha125 in the code system",
        "Condition",
        "code",
        f"{ACME}|ha125",
        _coded({"system": ACME, "code": "ha125"}),
        True,
    ),
    Case("a code irrespective of its system", "Condition", "code", "ha125", _coded({"system": ACME, "code": "ha125"}), True),
    Case("no system property", "Condition", "code", "|ha125", _coded({"code": "ha125"}), True),
    Case("but one with a system", "Condition", "code", "|ha125", _coded({"system": ACME, "code": "ha125"}), False),
    Case("any element of the system", "Condition", "code", f"{ACME}|", _coded({"system": ACME, "code": "ha125"}), True),
    Case("any coding in the CodeableConcept", "Condition", "code", "b", _coded({"code": "a"}, {"code": "b"}), True),
    Case("match is case sensitive", "Condition", "code", "HA125", _coded({"system": ACME, "code": "ha125"}), False),
    Case("a text headache, in the text", "Condition", "code:text", "headache", _coded(text="Headache"), True),
    Case(
        "or a display",
        "Condition",
        "code:text",
        "headache",
        _coded({"code": "25064002", "display": "Headache (finding)"}),
        True,
    ),
    Case("a normal string search begins at the start", "Condition", "code:text", "ache", _coded(text="Headache"), False),
    Case(
        "Identifier.type.text",
        "Patient",
        "identifier:text",
        "medical record",
        {"identifier": [{"type": {"text": "Medical Record Number"}, "value": "1"}]},
        True,
    ),
    Case(
        "the Medical Record Number 446053, its system not known",
        "Patient",
        "identifier:of-type",
        "http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053",
        {
            "identifier": [
                {
                    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                    "value": "446053",
                }
            ]
        },
        True,
    ),
    Case(
        "a number of another type",
        "Patient",
        "identifier:of-type",
        "http://terminology.hl7.org/CodeSystem/v2-0203|SS|446053",
        {
            "identifier": [
                {
                    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                    "value": "446053",
                }
            ]
        },
        False,
    ),
    Case(
        "identifier=|[root],[root] finds a root that is the system",
        "Patient",
        "identifier",
        "|urn:oid:1.2,urn:oid:1.2",
        {"identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2"}]},
        True,
    ),
    Case(
        "a ContactPoint's value, punctuation ignored",
        "Patient",
        "phone",
        "+1 555 123-4567",
        {"telecom": [{"system": "phone", "value": "(1555) 123.4567"}]},
        True,
    ),
    Case("the search on a string is not case sensitive", "ValueSet", "version", "r4-DRAFT", {"version": "R4-draft"}, True),
    Case(
        "contenttype=text/xml will miss documents with a charset",
        "DocumentReference",
        "contenttype",
        "text/xml",
        {"content": [{"attachment": {"contentType": "text/xml; charset=UTF-8"}}]},
        False,
    ),
    Case(
        ":below will find all text/xml documents",
        "DocumentReference",
        "contenttype:below",
        "text/xml",
        {"content": [{"attachment": {"contentType": "text/xml; charset=UTF-8"}}]},
        True,
    ),
)  # fmt: skip


def _named(**name: object) -> dict:
    return {"name": [name]}


STRINGS = (
    Case("eve at the start: Eve", "Patient", "given", "eve", _named(given=["Eve"]), True),
    Case("eve at the start: Evelyn", "Patient", "given", "eve", _named(given=["Evelyn"]), True),
    Case("not at the start: Severine", "Patient", "given", "eve", _named(given=["Severine"]), False),
    Case(
        "eve at any position: Severine", "Patient", "given:contains", "eve", _named(given=["Severine"]), True
    ),
    Case("exactly Eve", "Patient", "given:exact", "Eve", _named(given=["Eve"]), True),
    Case("not eve or EVE", "Patient", "given:exact", "Eve", _named(given=["EVE"]), False),
    Case("either Carreno", "Patient", "family", "carreno", _named(family="Carreño Quiñones"), True),
    Case("or Quinones", "Patient", "family", "quinones", _named(family="Carreño Quiñones"), True),
    Case("or Quinones, by name", "Patient", "name", "quinones", _named(family="Carreño Quiñones"), True),
    Case("not a part of a given name", "Patient", "given", "maria", _named(given=["Anna Maria"]), False),
    Case("does not cover use", "Patient", "name", "official", _named(family="Li", use="official"), False),
)

URIS = (
    Case("the exact url", "ValueSet", "url", "http://acme.org/fhir/ValueSet/123", {"url": "http://acme.org/fhir/ValueSet/123"}, True),
    Case("case sensitive", "ValueSet", "url", "http://acme.org/fhir/valueset/123", {"url": "http://acme.org/fhir/ValueSet/123"}, False),
    Case("a URL that starts with", "ValueSet", "url:below", "http://acme.org/fhir/", {"url": "http://acme.org/fhir/ValueSet/123"}, True),
    Case("not within a name", "ValueSet", "url:below", "http://acme.org/fhir", {"url": "http://acme.org/fhirs/1"}, False),
    Case("the specified URL", "ValueSet", "url:above", "http://acme.org/fhir/ValueSet/123/_history/5", {"url": "http://acme.org/fhir/ValueSet/123/_history/5"}, True),
    Case("but also above it", "ValueSet", "url:above", "http://acme.org/fhir/ValueSet/123/_history/5", {"url": "http://acme.org/fhir/ValueSet/123"}, True),
    Case("not beside it", "ValueSet", "url:above", "http://acme.org/fhir/ValueSet/123/_history/5", {"url": "http://acme.org/fhir/ValueSet/12"}, False),
    Case("searching by an OID", "ValueSet", "url", "urn:oid:1.2.3.4.5", {"url": "urn:oid:1.2.3.4.5"}, True),
    Case("a version portion is a search on the version", "ValueSet", "url", "http://x/vs|2", {"url": "http://x/vs", "version": "2"}, True),
    Case("and another version is none", "ValueSet", "url", "http://x/vs|2", {"url": "http://x/vs", "version": "3"}, False),
)  # fmt: skip


def _about(**reference: object) -> dict:
    return {"subject": reference}


REFERENCES = (
    Case("a logical id", "Observation", "subject", "23", _about(reference="Patient/23"), True),
    Case("a type and a logical id", "Observation", "subject", "Patient/23", _about(reference="Patient/23"), True),
    Case("a type and a logical id", "Observation", "subject", "Patient/23", _about(reference="Device/23"), False),
    Case("relative as absolute", "Observation", "subject", "Patient/23", _about(reference="http://fhir.test/fhir/Patient/23"), True),
    Case("absolute as relative", "Observation", "subject", "http://fhir.test/fhir/Patient/23", _about(reference="Patient/23"), True),
    Case("the type as a modifier", "Observation", "subject:Patient", "23", _about(reference="Patient/23"), True),
    Case("the type as a modifier", "Observation", "subject:Patient", "23", _about(reference="Device/23"), False),
    Case("patient is limited to that type", "Observation", "patient", "23", _about(reference="Device/23"), False),
    Case("a particular patient MRN", "Observation", "subject:identifier", "http://acme.org/mrn|1", _about(identifier={"system": "http://acme.org/mrn", "value": "1"}), True),
    Case("the identifier rather than the literal reference", "Observation", "subject:identifier", "23", _about(reference="Patient/23"), False),
    Case("a version specific reference", "Observation", "subject", "Patient/23", _about(reference="Patient/23/_history/2"), True),
    Case("a canonical URL", "QuestionnaireResponse", "questionnaire", "http://x/q", {"questionnaire": "http://x/q|3.0"}, True),
    Case("with its version", "QuestionnaireResponse", "questionnaire", "http://x/q|3.0", {"questionnaire": "http://x/q|3.0"}, True),
    Case("and not another", "QuestionnaireResponse", "questionnaire", "http://x/q|4.0", {"questionnaire": "http://x/q|3.0"}, False),
)  # fmt: skip

CASES = (*DATES, *TOKENS, *STRINGS, *URIS, *REFERENCES)
