"""What happened, by whom, on what: the records of the audit, and what must be able to keep them.

https://hl7.org/fhir/R4/auditevent.html; docs/adr/0019-audit.md
"""
