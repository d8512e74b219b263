"""The interactions of the FHIR REST API, apart from HTTP.

https://hl7.org/fhir/R4/http.html
"""
