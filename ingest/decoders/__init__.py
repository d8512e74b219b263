"""Syntax only: bytes of one format into readings, no FHIR.

docs/ingest.md
"""
