"""Batch and transaction: many writes at once, in few statements, whatever their number.

https://hl7.org/fhir/R4/http.html#transaction
"""
