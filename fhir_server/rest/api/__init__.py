"""Plain JSON beside FHIR, for those who look after devices and for apps: `/api/devices`, `/api/patients`.

docs/api.md, "Plain JSON"
"""
