"""Whether a resource is what R4 defines: structure, grammar, required codes and invariants.

https://hl7.org/fhir/R4/validation.html
"""
