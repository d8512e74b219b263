"""Device readings to FHIR R4 resources; pure: no clock, no network, no database.

https://hl7.org/fhir/R4/observation.html
"""
