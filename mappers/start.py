"""What a new device type begins with: sound, with a comment on everything it may say.

docs/devices.md, "Writing a device type"
"""

from typing import Final

_BEGINNING: Final = """\
# {key}: say here what kind of device this is, and where its maker describes what it sends.
# Prove it: fhir-server profile check {key}.yaml
# Try it:   fhir-server profile try {key}.yaml sample.json
text: {text}
version: "1" # change it with every change: Provenance names it
# mdc_device_type: 528388 # the MDC code of the kind of device, for Device.type; leave it out where there is none
source: live # or recording: its readings may be of any age
sequence: optional # none, optional or required: is the message sequence part of a reading's identity?
resolution: any # or subsecond: times must have fractions of a second
# unit_names: {{bpm: /min, rpm: /min}} # what the device calls its units, and what UCUM calls them

# With a shape the device sends its maker's own JSON; without one, readings such as
# {{"timestamp": 1769860800, "data": {{"pulse": 61}}}}. Paths are JMESPath: https://jmespath.org/tutorial.html
# shape:
#   time: measured.at # required: when it was measured
#   time_unit: s # or ms: what a number of the time counts since 1970
#   sequence: seq # the message's number or id
#   device: deviceId # must be the name that the device is registered under
#   patient: patientId # must be the Patient that the device is assigned to
#   readings: samples # a list, each of which is a reading; the other paths but device and patient start there

# Each field is a metric of the registry; docs/devices.md lists them. Codes stand there and nowhere else.
fields:
  pulse:
    metric: heart-rate
    unit: /min # the UCUM unit of the device; it is converted to the metric's
    required: true # a reading without it is refused
    # also: [hr] # further names of the field
    # path: measures.hr # where its value stands, with a shape
    # unit_path: measures.hrUnit # where its unit stands, if the message says it
    # site: left wrist # where on the body it is measured, in words
    # statistic: mean # or median, minimum, maximum: the value sums up others
    # modality: self-reported # the patient says so; sensed if left out
    # bounded: true # a text such as "<20" or ">600" is taken
    # by_unit: {{mmol/L: glucose-capillary-molar}} # sent in this unit it is another metric
"""


def beginning(key: str) -> str:
    """The text of a device type called `key`, to be changed."""
    return _BEGINNING.format(key=key, text=key.replace("-", " ").capitalize() or key)
