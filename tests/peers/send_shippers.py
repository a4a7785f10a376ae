"""Sends a few log records with the official or best known Python clients of other protocols: ENDPOINT TOKEN."""

import logging
import sys

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk
from logging_loki import LokiHandler

endpoint, token = sys.argv[1:3]

handler = LokiHandler(
    url=f"{endpoint}/loki/api/v1/push", tags={"service_name": "loki-shop"}, auth=("anybody", token), version="1"
)
# What goes wrong is an exception here, not a line on stderr.
handler.handleError = lambda record: (_ for _ in ()).throw(sys.exc_info()[1])
logger = logging.getLogger("shop")
logger.addHandler(handler)
logger.error("gadget7 by loki", extra={"tags": {"pod": "loki-shop-1"}})

elastic = Elasticsearch(f"{endpoint}/elastic", api_key=token)
assert elastic.info()["version"]["number"]
assert elastic.indices.exists(index="elastic-shop")
assert elastic.cluster.health()["status"] == "green"
documents = [
    {"_index": "elastic-shop", "message": f"gadget7 by elastic {n}", "log.level": "error", "service": {"name": "elastic-shop"}}
    for n in range(3)
]
stored, errors = bulk(elastic, documents, stats_only=False)
assert (stored, errors) == (3, []), errors

configuration = Configuration(host=endpoint)
configuration.api_key["apiKeyAuth"] = token
with ApiClient(configuration) as client:
    item = HTTPLogItem(message="gadget7 by datadog", service="datadog-shop", ddsource="python", ddtags="env:prod", status="error")
    for encoding in (ContentEncoding.GZIP, ContentEncoding.DEFLATE):
        LogsApi(client).submit_log(content_encoding=encoding, body=HTTPLog([item]))
print("ok")
