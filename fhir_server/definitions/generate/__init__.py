"""Makes the files of `definitions/data` from the official R4 package.

https://hl7.org/fhir/R4/downloads.html

The package is `hl7.fhir.r4.examples` 4.0.1 (HL7, CC0). To get it and to run this again:

    npm pack hl7.fhir.r4.examples@4.0.1 && tar xzf hl7.fhir.r4.examples-4.0.1.tgz
    python -m fhir_server.definitions.generate package

Only the files made are needed at run time. A second run makes the same bytes.
"""
