"""Device readings from bytes on a wire to FHIR resources in a sink, each answered on its own.

https://hl7.org/fhir/uv/phd/ and DESIGN.md, "A reading"; docs/ingest.md
"""
