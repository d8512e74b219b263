"""The demonstration: a small ward whose devices send readings through the server's own doors.

docs/map.md

    http     requests to the running server, as any client would make them
    ward     two patients and their devices
    vitals   readings that wander as a resting person's do
    ecg      a real 12-lead recording
    show     the whole run, told line by line
"""
