#!/usr/bin/env bash
# A pulse oximeter's reading, signed and sent with openssl and curl.
#
#   fhir-server device add pi-001 --type pulse-oximeter --patient p1 --json     prints the secret
#   DEVICE_ID=pi-001 DEVICE_SECRET=… examples/send_reading.sh http://127.0.0.1:8000
set -euo pipefail

url=${1:-http://127.0.0.1:8000}
now=$(date +%s)
body='{"timestamp":'$now',"data":{"spo2":97,"pulseRate":72}}'

digest=$(printf %s "$body" | openssl dgst -sha256 -r | cut -d' ' -f1)
signature=$(printf 'POST\n/ingest/readings\n%s\n%s\n%s' "$now" "$DEVICE_ID" "$digest" |
    openssl dgst -sha256 -hmac "$DEVICE_SECRET" -binary | openssl base64 -A)

curl --silent --show-error --fail-with-body "$url/ingest/readings" \
    -H 'Content-Type: application/json' \
    -H "X-Device-Id: $DEVICE_ID" -H "X-Timestamp: $now" -H "X-Signature: $signature" \
    --data-binary "$body"
echo
