"""A FHIR R4 server for device data.

https://hl7.org/fhir/R4/
"""

__version__ = "0.1.0"
