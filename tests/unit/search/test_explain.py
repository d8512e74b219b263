"""The compiler's snapshot: a change of plan or SQL shows here."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.explain import explain

AT = datetime(2026, 6, 1, tzinfo=UTC)
DEVICE_QUERY = "Observation?patient=p1&code=http://loinc.org|8867-4&date=ge2026-01-01&_sort=-date&_count=50"

WALKED = """\
Observation, sorted by -date, 50 a page
  patient (column patient): Asked(keys=('Patient/p1',), identifier=None)
  code (token): Asked(system='http://loinc.org', code='8867-4')
  date (column date): Asked(prefix='ge', lo=datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), hi=datetime.datetime(2026, 1, 2, 0, 0, tzinfo=datetime.timezone.utc))
page:
  SELECT x.id, x.version, x.rid, x.body::text, x.k0::text
  FROM (SELECT y.*
  FROM (SELECT key
  FROM patient_key
  WHERE id = %s) p
  CROSS JOIN (SELECT DISTINCT code_set
  FROM code_set_coding
  WHERE (code = %s AND system = %s)) c
  CROSS JOIN LATERAL ((SELECT r.rid, r.id, r.version, r.date_lo AS k0, r.body
  FROM resource r
  WHERE (((r.patient = p.key AND r.code_set = c.code_set AND ((r.type = %s AND NOT r.deleted AND ((r.date_lo >= %s::timestamptz OR r.date_hi > %s::timestamptz)) AND (TRUE))))) AND r.date_lo >= %s::timestamptz)
  ORDER BY r.date_lo DESC, r.rid LIMIT 51)
  UNION ALL (SELECT r.rid, r.id, r.version, r.date_lo AS k0, r.body
  FROM resource r
  WHERE (((r.patient = p.key AND r.code_set = c.code_set AND ((r.type = %s AND NOT r.deleted AND ((r.date_lo >= %s::timestamptz OR r.date_hi > %s::timestamptz)) AND (TRUE))))) AND (r.date_lo < %s::timestamptz AND r.tokens @> '{5477951415758571691}'::bigint[]))
  ORDER BY r.date_lo DESC, r.rid LIMIT 51)) y) x
  ORDER BY x.k0 DESC NULLS LAST, x.rid LIMIT 51
  parameters: ['p1', '8867-4', 'http://loinc.org', 96, '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00', '2025-12-31T00:00:00+00:00', 96, '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00', '2025-12-31T00:00:00+00:00']"""

PATIENT_QUERY = "http://fhir.test/fhir/Patient?name=Eve&identifier=urn:mrn|7&birthdate=lt2000&_count=0"

PLAIN = r"""Patient, sorted by _id, 0 a page
  name (string): Asked(mode='starts', text='eve')
  identifier (token, hashed): Asked(system='urn:mrn', code='7')
  birthdate (column date): Asked(prefix='lt', lo=datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), hi=datetime.datetime(2001, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))
total:
  SELECT count(*)
  FROM resource r
  WHERE (r.type = %s AND NOT r.deleted AND r.rid IN (SELECT v.rid
  FROM resource_string v
  WHERE v.param = %s AND left(v.folded, 200) >= %s AND left(v.folded, 200) < %s) AND r.tokens @> %s::bigint[] AND r.date_lo < %s::timestamptz AND (TRUE))
  parameters: [103, 2135502055, 'eve', 'eve\U0010ffff', [-2002300854472963461], '2000-01-01T00:00:00+00:00']"""


@pytest.mark.parametrize(
    ("url", "told"), [(DEVICE_QUERY, WALKED), (PATIENT_QUERY, PLAIN)], ids=["walked", "plain"]
)
def test_a_url_is_explained_down_to_its_sql(url, told):
    assert explain(url, at=AT) == told


@pytest.mark.parametrize("url", ["Nothing?x=y", "", "Observation?colour=red", "Observation?date=x"])
def test_what_could_not_be_searched_is_not_explained(url):
    with pytest.raises(InvalidSearch):
        explain(url)


def test_a_code_without_a_patient_walks_the_index_of_its_sets_of_codings():
    told = explain("Observation?code=8867-4&_sort=-date", at=AT)

    assert "CROSS JOIN LATERAL" in told
    assert "r.code_set = c.code_set" in told
    assert "patient_key" not in told
