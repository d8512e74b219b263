"""The channels by which this server itself sends notifications: what each sends, and what it takes for an answer.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html
"""
