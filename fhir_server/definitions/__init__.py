"""What R4 4.0.1 defines: types, elements, search parameters, compartments, summaries.

https://hl7.org/fhir/R4/resourcelist.html

The files in `data/` are made by `fhir_server.definitions.generate` from HL7's own package (CC0); the modules here
read them, each once.
"""
