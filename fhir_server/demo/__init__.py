"""The demonstration: a small ward whose devices send readings through the server's own doors.

docs/map.md

    http         requests to the running server, as any client would make them
    ward         two patients and their devices
    people       who may log in, and the app they use
    ecg          a real 12-lead recording
    simulators   what the devices send, a program of its own
    devices      that program, run
    show         the whole run, told line by line
"""
