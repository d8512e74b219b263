"""SMART App Launch over HTTP: the pages that people decide on, and the endpoints that apps call.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""
