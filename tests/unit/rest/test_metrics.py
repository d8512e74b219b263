import os
import subprocess
import sys

COUNT = (
    "from fhir_server.rest import metrics; metrics.count('read', 200, 0.01); metrics.count('read', 200, 0.01)"
)
SHOW = "import sys; from fhir_server.rest import metrics; sys.stdout.buffer.write(metrics.exposition())"


def test_metrics_of_several_workers_are_one_sum(tmp_path):
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNT], env=environment, check=True)
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert 'fhir_http_requests_total{interaction="read",status="200"} 4.0' in shown
    assert 'fhir_http_request_seconds_count{interaction="read"} 4.0' in shown
