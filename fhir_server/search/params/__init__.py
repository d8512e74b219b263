"""One module for each type of search parameter: what is stored for it and what is asked of it.

https://hl7.org/fhir/R4/search.html#ptypes
"""
