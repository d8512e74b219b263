"""Templates of microsoft/iomt-fhir, turned into device types of ours.

https://github.com/microsoft/iomt-fhir/blob/main/docs/Configuration.md
"""
