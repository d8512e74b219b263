"""Subscriptions: what may be asked for, which changes are events of which, and how they reach who asked.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/; docs/subscriptions.md
"""
