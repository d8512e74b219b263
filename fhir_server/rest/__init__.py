"""The FHIR REST API: one ASGI endpoint for `/fhir`.

https://hl7.org/fhir/R4/http.html
"""
