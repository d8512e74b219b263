"""Storage: every table, migration and SQL statement that writes.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""
