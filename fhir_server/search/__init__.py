"""Search: parse, plan, compile, execute, bundle; a frozen type for each step.

https://hl7.org/fhir/R4/search.html
"""
