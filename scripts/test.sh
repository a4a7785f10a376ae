#!/usr/bin/env bash
# Every test: Rust, the official Python exporters, the official clients of the Model Context Protocol, a real
# OpenAI-compatible server, the panel and a browser.
# What a test needs and can be had from the package managers is installed first; what cannot be had is said and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/groundcrew"
mkdir -p "$cache"

otel="$cache/otel-venv"
if ! "$otel/bin/python" -c 'import opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http' 2>/dev/null; then
  echo "== installing the OpenTelemetry Python SDK"
  rm -rf "$otel"
  if ! { python3 -m venv "$otel" && "$otel/bin/python" -m pip install -q --disable-pip-version-check \
    opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc opentelemetry-exporter-otlp-proto-http; }; then
    echo "the OpenTelemetry SDK cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_OTEL_PYTHON="$otel/bin/python"
export GROUNDCREW_TEST_TINY_MODEL="$cache/tiny-model"
mkdir -p "$GROUNDCREW_TEST_TINY_MODEL"

schemas="$cache/schema-venv"
if ! "$schemas/bin/python" -c 'import jsonschema' 2>/dev/null; then
  echo "== installing jsonschema for Python"
  rm -rf "$schemas"
  if ! { python3 -m venv "$schemas" && "$schemas/bin/python" -m pip install -q --disable-pip-version-check jsonschema==4.26.0; }; then
    echo "jsonschema cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_SCHEMA_PYTHON="$schemas/bin/python"
mcp="$cache/mcp-venv"
if ! "$mcp/bin/python" -c 'from mcp import Client' 2>/dev/null; then
  echo "== installing the MCP Python SDK"
  rm -rf "$mcp"
  if ! { python3 -m venv "$mcp" && "$mcp/bin/python" -m pip install -q --disable-pip-version-check 'mcp>=2.3,<3'; }; then
    echo "the MCP Python SDK cannot be had here; its tests say that they are skipped"
  fi
fi
export GROUNDCREW_TEST_MCP_PYTHON="$mcp/bin/python"

mcp_node="$cache/mcp-node"
if [ ! -d "$mcp_node/node_modules/@modelcontextprotocol/client" ] && command -v npm >/dev/null; then
  echo "== installing the MCP TypeScript SDKs"
  mkdir -p "$mcp_node"
  echo '{"private": true}' > "$mcp_node/package.json"
  if ! npm install --prefix "$mcp_node" --silent --no-audit --no-fund '@modelcontextprotocol/sdk@^1.32' '@modelcontextprotocol/client@^2.4'; then
    echo "the MCP TypeScript SDKs cannot be had here; their test says that it is skipped"
  fi
fi
if [ -d "$mcp_node/node_modules/@modelcontextprotocol/client" ]; then
  export GROUNDCREW_TEST_MCP_NODE="$mcp_node"
fi
clients="$cache/api-clients-venv"
if ! "$clients/bin/python" -c 'import openai, schemathesis' 2>/dev/null; then
  echo "== installing the OpenAI Python SDK and schemathesis"
  rm -rf "$clients"
  if ! { python3 -m venv "$clients" && "$clients/bin/python" -m pip install -q --disable-pip-version-check \
    openai==3.57.0 schemathesis==4.32.5; }; then
    echo "the clients of the API cannot be had here; their tests say that they are skipped"
  fi
fi
export GROUNDCREW_TEST_API_CLIENTS="$clients/bin"

s3="$cache/s3-venv"
if [ ! -x "$s3/bin/moto_server" ]; then
  echo "== installing moto, an S3 server for tests"
  rm -rf "$s3"
  if ! { python3 -m venv "$s3" && "$s3/bin/python" -m pip install -q --disable-pip-version-check 'moto[server,s3]>=5,<6'; }; then
    echo "moto cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_S3="$s3/bin/moto_server"
# The suite that every WebSocket library is measured with was never brought to Python 3.
autobahn="$cache/autobahn-venv"
python27() { PIP_NO_PYTHON_VERSION_WARNING=1 PYENV_VERSION="$(pyenv versions --bare 2>/dev/null | grep '^2\.7' | tail -1)" python2.7 "$@"; }
if [ ! -x "$autobahn/bin/wstest" ] && python27 --version >/dev/null 2>&1; then
  echo "== installing the Autobahn test suite"
  rm -rf "$autobahn"
  if ! { python27 -m pip install -q --disable-pip-version-check --target "$autobahn/tools" 'virtualenv<20.16' \
    && PYTHONPATH="$autobahn/tools" python27 -m virtualenv -q "$autobahn" \
    && PIP_NO_PYTHON_VERSION_WARNING=1 "$autobahn/bin/python" -m pip install -q --disable-pip-version-check autobahntestsuite==25.10.1; }; then
    echo "the Autobahn test suite cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_AUTOBAHN="$autobahn/bin/wstest"
shippers="$cache/shippers-venv"
if ! "$shippers/bin/python" -c 'import datadog_api_client, elasticsearch, logging_loki' 2>/dev/null; then
  echo "== installing the clients of Loki, Elasticsearch and Datadog"
  rm -rf "$shippers"
  if ! { python3 -m venv "$shippers" && "$shippers/bin/python" -m pip install -q --disable-pip-version-check \
    python-logging-loki==0.3.1 elasticsearch==9.5.1 datadog-api-client==2.62.0; }; then
    echo "the clients of Loki, Elasticsearch and Datadog cannot be had here; their test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_SHIPPERS_PYTHON="$shippers/bin/python"

# Unpacked and not installed: a package would start its service.
alerting="$cache/alerting"
if [ ! -x "$alerting/usr/bin/prometheus-alertmanager" ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
  echo "== fetching Prometheus and Alertmanager"
  mkdir -p "$alerting/packages"
  if ! { (cd "$alerting/packages" && apt-get download -q prometheus prometheus-alertmanager) \
    && for package in "$alerting"/packages/*.deb; do dpkg -x "$package" "$alerting"; done; }; then
    echo "Prometheus and Alertmanager cannot be had here; their test says that it is skipped"
  fi
  rm -rf "$alerting/packages"
fi
# Debian's Alertmanager reads its templates from where its package would have put them, and only from there.
templates=usr/share/prometheus/alertmanager
if [ -d "$alerting/$templates" ] && [ ! -e "/$templates" ] && [ -w /usr/share ]; then
  mkdir -p "/$templates" && cp -r "$alerting/$templates/." "/$templates/"
fi
export GROUNDCREW_TEST_ALERTING="$alerting/usr/bin"

# A file system that can clone files, for the test that cuts the power; it is mounted by root alone.
xfsprogs="$cache/xfsprogs"
if [ ! -x "$xfsprogs/sbin/mkfs.xfs" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
  echo "== fetching mkfs.xfs"
  mkdir -p "$xfsprogs/packages"
  if ! { (cd "$xfsprogs/packages" && apt-get download -q xfsprogs libinih1 "$(apt-cache pkgnames liburcu8 | sort | tail -n 1)") \
    && for package in "$xfsprogs"/packages/*.deb; do dpkg -x "$package" "$xfsprogs"; done; }; then
    echo "mkfs.xfs cannot be had here; its test says that it is skipped"
  fi
  rm -rf "$xfsprogs/packages"
fi
if [ -x "$xfsprogs/sbin/mkfs.xfs" ]; then
  export GROUNDCREW_TEST_XFSPROGS="$xfsprogs"
fi
rsyslog="$cache/rsyslog"
fluent="$cache/fluent-venv"
if ! "$fluent/bin/python" -c 'import fluent.sender' 2>/dev/null; then
  echo "== installing fluent-logger"
  rm -rf "$fluent"
  if ! { python3 -m venv "$fluent" && "$fluent/bin/python" -m pip install -q --disable-pip-version-check fluent-logger==0.11.1; }; then
    echo "fluent-logger cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_FLUENT_PYTHON="$fluent/bin/python"
if [ ! -x "$rsyslog/usr/sbin/rsyslogd" ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
  echo "== fetching rsyslog"
  mkdir -p "$rsyslog/packages"
  if ! { (cd "$rsyslog/packages" && apt-get download -q rsyslog rsyslog-openssl libestr0 libfastjson4 liblognorm5) \
    && for package in "$rsyslog"/packages/*.deb; do dpkg -x "$package" "$rsyslog"; done; }; then
    echo "rsyslog cannot be had here; its test says that it is skipped"
    rm -rf "$rsyslog/usr"
  fi
  rm -rf "$rsyslog/packages"
fi
export GROUNDCREW_TEST_RSYSLOG="$rsyslog"

echo "== Rust"
cargo test --workspace

echo "== panel"
if command -v npm >/dev/null; then
  (cd web && npm run typecheck && npm test)
  scripts/browser-test.sh
else
  echo "Node is not installed: panel and browser tests skipped"
fi
