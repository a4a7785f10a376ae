"""Measures the way of spans and metrics from the sender's door to the disk and back.

    python3 scripts/bench_spans.py BINARY [--spans 400000] [--series 2000] [--points 500] [--rounds 1] [--folder DIR]

The corpus is seeded: an hour of 24 services on 8 nodes that call each other, about eight spans a trace, as OTLP in requests of a
thousand spans of a node; and metrics of the same pods, a point each fifteen seconds: gauges, counters, histograms. Posted over HTTP
to a real server, acknowledged after the sync. The unit is CPU seconds (user and system) of the server until all is sealed. Asserts
nothing but that the answers are right.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import statistics
import struct
import tempfile
import threading
import time

from bench_corpus import DAY, NODES, SERVICES, field, pair
from bench_server import Server, disk, send_all

BATCH = 1000
SPANS_PER_TRACE = 8
ROUTES = ["/v2/{}/{{id}}", "/v2/{}/{{id}}/items", "/v2/{}/search", "/internal/{}/refresh"]
STATEMENTS = ["SELECT id, state, total FROM {} WHERE account_id = $1 ORDER BY created_at DESC LIMIT 20",
              "UPDATE {} SET state = $1, changed_at = now() WHERE id = $2", "INSERT INTO {} (id, account_id, total) VALUES ($1, $2, $3)"]
INTERNAL, SERVER, CLIENT = 1, 2, 3


def number(key, value):
    return field(0x0A, key.encode()) + field(0x12, b"\x18" + varint(value))


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def pods_of(rng):
    """Of each service its pods: node and the resource as OTLP."""
    found = {}
    for place, service in enumerate(SERVICES):
        found[service] = []
        for copy in range(4):
            pod, node = f"{service}-{rng.getrandbits(36):09x}-{rng.getrandbits(20):05x}", (place + copy) % NODES
            resource = field(0x0A, b"".join(field(0x0A, pair(key, value)) for key, value in (
                ("service.name", service), ("service.version", "4.1.0"), ("k8s.pod.name", pod),
                ("k8s.namespace.name", "shop-production"), ("k8s.node.name", f"node-{node}"))))
            found[service].append((node, pod, resource))
    return found


class Traces:
    """Makes one trace after the other."""

    def __init__(self, seed=11):
        self.rng = random.Random(seed)
        self.pods = pods_of(self.rng)
        # Who calls whom, without circles, so that a way down ends.
        self.calls = {name: SERVICES[place + 1:place + 9:2] for place, name in enumerate(SERVICES)}

    def trace(self, at):
        """Yields node, pod, resource and the span as OTLP."""
        rng, made = self.rng, []
        trace = rng.getrandbits(128).to_bytes(16, "big")
        fails = rng.random() < 0.02
        slow = 20 if rng.random() < 0.005 else 1

        def add(pod, parent, name, kind, start, nanos, attributes, error=""):
            span = rng.getrandbits(64).to_bytes(8, "big")
            body = b"\x0a\x10" + trace + b"\x12\x08" + span
            if parent:
                body += b"\x22\x08" + parent
            body += field(0x2A, name.encode()) + b"\x30" + bytes([kind]) + b"\x39" + struct.pack("<Q", start) + b"\x41" + struct.pack("<Q", start + nanos)
            body += b"".join(field(0x4A, one) for one in attributes)
            if error:
                event = b"\x09" + struct.pack("<Q", start + nanos) + field(0x12, b"exception")
                event += field(0x1A, pair("exception.type", "TimeoutError")) + field(0x1A, pair("exception.message", error))
                body += field(0x5A, event) + field(0x7A, field(0x12, error.encode()) + b"\x18\x02")
            made.append((*pod, field(0x12, body)))
            return span

        def serve(service, parent, start, left):
            pod = rng.choice(self.pods[service])
            route = ROUTES[int(rng.random() * 4)].format(service)
            account = 100_000 + int(rng.random() * 40_000)
            own = int(rng.lognormvariate(15.5, 0.6)) * slow
            error = f"upstream did not answer within {1000 + int(rng.random() * 4000)} ms" if fails and rng.random() < 0.5 else ""
            callees = self.calls[service]
            span = add(pod, parent, f"GET {route}", SERVER, start, own * 2, (
                pair("http.request.method", "GET"), pair("http.route", route), pair("url.path", route.replace("{id}", str(account))),
                number("http.response.status_code", 500 if error else 200), pair("client.address", f"10.{int(rng.random() * 4)}.{int(rng.random() * 250)}.{int(rng.random() * 250)}"),
                pair("user_agent.original", "shop-web/3.2"), pair("url.scheme", "http"), pair("network.protocol.version", "1.1"), number("thread.id", int(rng.random() * 64))), error)
            left -= 1
            if left > 0 and rng.random() < 0.5:
                table = service + "_rows"
                statement = STATEMENTS[int(rng.random() * 3)].format(table)
                add(pod, span, f"{statement.split()[0]} {table}", CLIENT, start + own // 8, own // 4, (
                    pair("db.system.name", "postgresql"), pair("db.namespace", "shop"), pair("db.collection.name", table), pair("db.query.text", statement),
                    pair("server.address", "orders-db.internal"), number("server.port", 5432)))
                left -= 1
            if left > 0 and rng.random() < 0.25:
                add(pod, span, "render", INTERNAL, start + own // 4, own // 8, (pair("code.function.name", f"{service}.views.render"), number("items", int(rng.random() * 50)), number("thread.id", int(rng.random() * 64))))
                left -= 1
            while left > 1 and callees and rng.random() < 0.85:
                callee = callees[int(rng.random() * len(callees))]
                begin = start + own // 4 + int(rng.random() * 1e6)
                call = add(pod, span, f"GET {callee}", CLIENT, begin, own, (
                    pair("http.request.method", "GET"), pair("server.address", f"{callee}.shop.svc"), number("server.port", 8080),
                    pair("url.full", f"http://{callee}.shop.svc:8080/v2/{callee}/{account}"), pair("network.protocol.version", "1.1"), number("http.response.status_code", 500 if error else 200)), error)
                left = serve(callee, call, begin + int(rng.random() * 4e5), left - 1)
            return left

        serve(SERVICES[int(rng.random() * rng.random() * 12)], b"", at, SPANS_PER_TRACE + int(rng.random() * 5))
        return trace.hex(), made


def write_spans(folder, wanted):
    """Writes spans.bin (length and bytes of each request) and says how many spans and bytes, and which traces of how many."""
    facts_path, path = os.path.join(folder, "spans.json"), os.path.join(folder, "spans.bin")
    if os.path.exists(facts_path):
        return json.load(open(facts_path))
    maker, facts = Traces(), {"spans": 0, "traces": []}
    open_, counts = [{} for _ in range(NODES)], [0] * NODES
    step = 3_600 * 10**9 * SPANS_PER_TRACE // wanted
    with open(path, "wb") as requests:
        def send(node):
            body = b"".join(field(0x0A, resource + field(0x12, b"".join(rows))) for resource, rows in open_[node].values())
            requests.write(struct.pack("<I", len(body)) + body)
            open_[node], counts[node] = {}, 0

        made = 0
        while facts["spans"] < wanted:
            trace, rows = maker.trace(DAY * 10**9 + made * step + int(maker.rng.random() * step))
            for node, pod, resource, row in rows:
                open_[node].setdefault(pod, (resource, []))[1].append(row)
                counts[node] += 1
                if counts[node] == BATCH:
                    send(node)
            if made % max(1, wanted // SPANS_PER_TRACE // 200) == 0:
                facts["traces"].append((trace, len(rows)))
            facts["spans"] += len(rows)
            made += 1
        [send(node) for node in range(NODES) if counts[node]]
    facts |= {"made": made, "bytes": os.path.getsize(path)}
    json.dump(facts, open(facts_path, "w"))
    return facts


class Process:
    """Metrics of one pod: what it says each time it is asked."""

    BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]

    def __init__(self, rng, resource, series):
        self.rng, self.resource, self.start = rng, resource, DAY * 10**9 - int(rng.random() * 1e13)
        self.phase = int(rng.random() * 15e9)
        buckets = len(self.BOUNDS) + 3
        histograms = max(1, series // 3 // buckets)
        rest = series - histograms * buckets
        self.gauges = [[rng.random() * 100, rng.random()] for _ in range(rest // 2)]
        self.counters = [[0, rng.random() * 300] for _ in range(rest - rest // 2)]
        self.histograms = [[[0] * (len(self.BOUNDS) + 1), 0.0, rng.random() * 40] for _ in range(histograms)]
        self.series = rest + histograms * buckets

    def export(self, round_):
        """One request as a process sends it, and how many samples it has."""
        rng = self.rng
        at = DAY * 10**9 + round_ * 15 * 10**9 + self.phase + int(rng.random() * 4e6)
        times, out = b"\x11" + struct.pack("<Q", self.start) + b"\x19" + struct.pack("<Q", at), []
        for place, gauge in enumerate(self.gauges):
            gauge[0] = min(100.0, max(0.0, gauge[0] + rng.gauss(0, gauge[1])))
            # What people measure: bytes, whole numbers, shares.
            kind = place % 4
            value = (b"\x21" + struct.pack("<d", float(int(gauge[0]) * 4096 * 1024)) if kind == 0 else b"\x31" + struct.pack("<q", int(gauge[0])) if kind == 1
                     else b"\x21" + struct.pack("<d", round(gauge[0] / 100, 4)) if kind == 2 else b"\x31" + struct.pack("<q", int(gauge[0] / 25)))
            name = ("process.memory.usage", "db.client.connections.usage", "system.cpu.utilization", "jvm.thread.count")[kind]
            out.append(self.metric(name, "By", 0x2A, field(0x0A, times + value + field(0x3A, pair("state", f"s{place}")))))
        for place, counter in enumerate(self.counters):
            counter[0] += max(0, int(rng.gauss(counter[1], counter[1] ** 0.5)))
            body = field(0x0A, times + b"\x31" + struct.pack("<q", counter[0]) + field(0x3A, pair("http.route", f"/v2/route{place}"))) + b"\x10\x02\x18\x01"
            out.append(self.metric("http.server.requests", "1", 0x3A, body))
        for place, histogram in enumerate(self.histograms):
            for _ in range(max(0, int(rng.gauss(histogram[2], histogram[2] ** 0.5)))):
                value = rng.lognormvariate(-3.5, 1)
                histogram[0][next((number for number, bound in enumerate(self.BOUNDS) if value <= bound), len(self.BOUNDS))] += 1
                histogram[1] += round(value, 6)
            point = times + b"\x21" + struct.pack("<Q", sum(histogram[0])) + b"\x29" + struct.pack("<d", histogram[1])
            point += field(0x32, struct.pack(f"<{len(histogram[0])}Q", *histogram[0])) + field(0x3A, struct.pack(f"<{len(self.BOUNDS)}d", *self.BOUNDS))
            out.append(self.metric("http.server.request.duration", "s", 0x4A, field(0x0A, point + field(0x4A, pair("http.route", f"/v2/route{place}"))) + b"\x10\x02"))
        return field(0x0A, self.resource + field(0x12, b"".join(out)))

    @staticmethod
    def metric(name, unit, tag, body):
        return field(0x12, field(0x0A, name.encode()) + field(0x1A, unit.encode()) + field(tag, body))


def write_metrics(folder, series, points):
    facts_path, path = os.path.join(folder, "metrics.json"), os.path.join(folder, "metrics.bin")
    if os.path.exists(facts_path):
        return json.load(open(facts_path))
    rng = random.Random(13)
    resources = [resource for of_service in pods_of(random.Random(11)).values() for _, _, resource in of_service[:2]]
    processes = [Process(rng, resource, series // len(resources)) for resource in resources]
    with open(path, "wb") as requests:
        for round_ in range(points):
            # A collector sends what eight processes said.
            for begin in range(0, len(processes), 8):
                body = b"".join(process.export(round_) for process in processes[begin:begin + 8])
                requests.write(struct.pack("<I", len(body)) + body)
    facts = {"series": sum(process.series for process in processes), "bytes": os.path.getsize(path)}
    facts["samples"] = facts["series"] * points
    json.dump(facts, open(facts_path, "w"))
    return facts



def load(binary, folder, file, route, part):
    """Sends all, seals all: CPU seconds, peak memory, bytes at rest, and the directory it is in."""
    directory = tempfile.mkdtemp(dir=folder)
    server = Server(binary, directory)
    before, idle, started = server.cpu(), server.memory("VmRSS"), time.monotonic()
    send_all(server.otlp, os.path.join(folder, file), route)
    wall, peak = time.monotonic() - started, server.memory()
    total = server.stop() - before
    return {"cpu": total, "wall": wall, "peak": peak, "idle": idle, "disk": disk(directory, (part, "wal", "manifest.bin")), "directory": directory}


def trace_times(binary, directory, traces):
    """Milliseconds to one trace after a start, the files not opened yet for the first."""
    server, times = Server(binary, directory), []
    connection = http.client.HTTPConnection(server.http)
    for trace, spans in traces:
        started = time.monotonic()
        connection.request("GET", f"/v1/traces/{trace}")
        response = connection.getresponse()
        body = response.read()
        times.append((time.monotonic() - started) * 1000)
        found = len(json.loads(body).get("spans", []))
        if response.status != 200 or found != spans:
            raise SystemExit(f"trace {trace}: {response.status}, {found} spans where {spans} were expected; {body[:200]}")
    server.stop()
    return times[0], statistics.median(times), sorted(times)[int(len(times) * 0.95)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--spans", type=int, default=400_000)
    parser.add_argument("--series", type=int, default=2_000)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "groundcrew-bench"))
    asked = parser.parse_args()
    folder, binary = os.path.join(asked.folder, f"spans-{asked.spans}-{asked.series}-{asked.points}"), os.path.abspath(asked.binary)
    os.makedirs(folder, exist_ok=True)
    if asked.spans:
        facts = write_spans(folder, asked.spans)
        count = facts["spans"]
        print(f"{count:,} spans of {facts['made']:,} traces, {facts['bytes'] / count:.0f} B each as OTLP")
        for _ in range(asked.rounds):
            found = load(binary, folder, "spans.bin", "/v1/traces", "spans")
            first, p50, p95 = trace_times(binary, found["directory"], facts["traces"])
            shutil.rmtree(found["directory"])
            print(f"spans    {count / found['cpu']:,.0f} per CPU second   {found['disk'] / count:.1f} B at rest each   peak {found['peak']:.0f} MB (idle {found['idle']:.0f})   "
                  f"trace by id: first {first:.1f} ms, p50 {p50:.2f} ms, p95 {p95:.2f} ms")
    if asked.series:
        facts = write_metrics(folder, asked.series, asked.points)
        count = facts["samples"]
        print(f"{count:,} samples of {facts['series']:,} series, {facts['bytes'] / count:.0f} B each as OTLP")
        for _ in range(asked.rounds):
            found = load(binary, folder, "metrics.bin", "/v1/metrics", "metrics")
            shutil.rmtree(found["directory"])
            print(f"metrics  {count / found['cpu']:,.0f} samples per CPU second   {found['disk'] / count:.2f} B at rest each   peak {found['peak']:.0f} MB")


main()
