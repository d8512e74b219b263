"""Code systems, units and the terminology service port; pure at its core.

https://hl7.org/fhir/R4/terminologies.html
"""
