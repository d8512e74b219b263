"""The operations (`$…`): one module each, and an explicit catalog.

https://hl7.org/fhir/R4/operations.html
"""
