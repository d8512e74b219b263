"""The endpoints that hand out tokens, check and revoke them: authlib's core, held to what SMART demands.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html; docs/adr/0018-authorization-server.md
"""
