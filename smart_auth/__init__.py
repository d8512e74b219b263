"""Who a caller is and what they were granted.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""
