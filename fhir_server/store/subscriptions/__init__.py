"""Where subscriptions are kept: what was asked for, the numbered events, how far each was delivered.

https://hl7.org/fhir/R4/subscription.html
"""
