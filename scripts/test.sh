#!/usr/bin/env bash
# Every test: Rust, official exporters, clients and shippers, real servers of others, the panel and a browser.
# What a test needs and can be had from the package managers is installed first; what cannot be had is said and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/groundcrew"
mkdir -p "$cache"

# python_tools FOLDER CHECK WHAT PACKAGE...: an environment in the cache, made anew when the line of Python CHECK fails there.
python_tools() {
  local folder="$cache/$1" check="$2" what="$3"
  shift 3
  if "$folder/bin/python" -c "$check" 2>/dev/null; then return; fi
  echo "== installing $what"
  rm -rf "$folder"
  if ! { python3 -m venv "$folder" && "$folder/bin/python" -m pip install -q --disable-pip-version-check "$@"; }; then
    echo "$what cannot be had here; what is tested with it says that it is skipped"
  fi
}

# debian_tools FOLDER FILE WHAT PACKAGE...: packages unpacked into the cache until FILE is there; installed they would start
# their services.
debian_tools() {
  local folder="$cache/$1" file="$2" what="$3"
  shift 3
  if [ -x "$folder/$file" ] || ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then return; fi
  echo "== fetching $what"
  mkdir -p "$folder/packages"
  if ! { (cd "$folder/packages" && download "$@") \
    && for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done; }; then
    echo "$what cannot be had here; what is tested with it says that it is skipped"
    rm -rf "$folder"
  fi
  rm -rf "$folder/packages"
}

# A new machine may have no list of packages.
download() { apt-get download -q "$@" || { [ "$(id -u)" = 0 ] && apt-get update -q && apt-get download -q "$@"; }; }

python_tools otel-venv 'import opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http' "the OpenTelemetry Python SDK" \
  opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc opentelemetry-exporter-otlp-proto-http
export GROUNDCREW_TEST_OTEL_PYTHON="$cache/otel-venv/bin/python"
export GROUNDCREW_TEST_TINY_MODEL="$cache/tiny-model"
mkdir -p "$GROUNDCREW_TEST_TINY_MODEL"
python_tools schema-venv 'import jsonschema' "jsonschema for Python" jsonschema==4.26.0
export GROUNDCREW_TEST_SCHEMA_PYTHON="$cache/schema-venv/bin/python"
python_tools mcp-venv 'from mcp import Client' "the MCP Python SDK" 'mcp>=2.3,<3'
export GROUNDCREW_TEST_MCP_PYTHON="$cache/mcp-venv/bin/python"

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

python_tools api-clients-venv 'import openai, schemathesis' "the OpenAI Python SDK and schemathesis" openai==3.57.0 schemathesis==4.32.5
export GROUNDCREW_TEST_API_CLIENTS="$cache/api-clients-venv/bin"
python_tools s3-venv 'import moto.server' "moto, an S3 server for tests" 'moto[server,s3]>=5,<6'
export GROUNDCREW_TEST_S3="$cache/s3-venv/bin/moto_server"
azurite="$cache/azurite"
if [ ! -x "$azurite/node_modules/.bin/azurite-blob" ] && command -v npm >/dev/null; then
  echo "== installing Azurite, an Azure storage server for tests"
  mkdir -p "$azurite"
  echo '{"private": true}' > "$azurite/package.json"
  if ! npm install --prefix "$azurite" --silent --no-audit --no-fund azurite@3.35.0; then
    echo "Azurite cannot be had here; its test says that it is skipped"
  fi
fi
export GROUNDCREW_TEST_AZURE_STORAGE="$azurite/node_modules/.bin/azurite-blob"
python_tools shippers-venv 'import datadog_api_client, elasticsearch, logging_loki' "the clients of Loki, Elasticsearch and Datadog" \
  python-logging-loki==0.3.1 elasticsearch==9.5.1 datadog-api-client==2.62.0
export GROUNDCREW_TEST_SHIPPERS_PYTHON="$cache/shippers-venv/bin/python"
python_tools fluent-venv 'import fluent.sender' "fluent-logger" fluent-logger==0.11.1
export GROUNDCREW_TEST_FLUENT_PYTHON="$cache/fluent-venv/bin/python"

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

debian_tools alerting usr/bin/prometheus-alertmanager "Prometheus and Alertmanager" prometheus prometheus-alertmanager
alerting="$cache/alerting"
# Debian's Alertmanager reads its templates from where its package would have put them, and only from there.
templates=usr/share/prometheus/alertmanager
if [ -d "$alerting/$templates" ] && [ ! -e "/$templates" ] && [ -w /usr/share ]; then
  mkdir -p "/$templates" && cp -r "$alerting/$templates/." "/$templates/"
fi
export GROUNDCREW_TEST_ALERTING="$alerting/usr/bin"

debian_tools rsyslog usr/sbin/rsyslogd rsyslog rsyslog rsyslog-openssl libestr0 libfastjson4 liblognorm5
export GROUNDCREW_TEST_RSYSLOG="$cache/rsyslog"

# A file system that can clone files, for the test that cuts the power; it is mounted by root alone.
if [ "$(id -u)" = 0 ] && command -v apt-cache >/dev/null; then
  urcu="$(apt-cache pkgnames liburcu8 | sort | tail -n 1)"
  debian_tools xfsprogs sbin/mkfs.xfs mkfs.xfs xfsprogs libinih1 "${urcu:-liburcu8}"
fi
if [ -x "$cache/xfsprogs/sbin/mkfs.xfs" ]; then
  export GROUNDCREW_TEST_XFSPROGS="$cache/xfsprogs"
fi

debian_tools nats usr/sbin/nats-server "NATS" nats-server
export GROUNDCREW_TEST_NATS="$cache/nats/usr/sbin/nats-server"

echo "== Rust"
cargo test --workspace --features kafka

echo "== panel"
if command -v npm >/dev/null; then
  (cd web && npm run typecheck && npm test)
  scripts/browser-test.sh
else
  echo "Node is not installed: panel and browser tests skipped"
fi
