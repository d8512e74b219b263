# The server as a container: built from the lock files, run by a user without rights.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/fhir-server
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN /opt/fhir-server/bin/pip install --require-hashes -r requirements-build.lock -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY fhir_server fhir_server
COPY ingest ingest
COPY smart_auth smart_auth
COPY mappers mappers
COPY terminology terminology
RUN /opt/fhir-server/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --shell /usr/sbin/nologin fhir \
    && install -d -o fhir -g fhir -m 0700 /var/lib/fhir-server
COPY --from=build /opt/fhir-server /opt/fhir-server
ENV PATH=/opt/fhir-server/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FHIR_DATA_DIR=/var/lib/fhir-server \
    FHIR_HOST=0.0.0.0 \
    FHIR_PORT=8000
USER fhir
VOLUME /var/lib/fhir-server
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['FHIR_PORT']}/ready\", timeout=4)"]
ENTRYPOINT ["fhir-server"]
CMD ["serve"]
