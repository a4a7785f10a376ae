"""Measures the log path from the sender's door to the answer, beside peers, in one run.

    python3 scripts/bench_intake.py BINARY [--megabytes 250] [--rounds 3] [--folder DIR] [--only ours,duckdb,...]

The unit is CPU seconds (user and system) of the measured process: wall time on a busy machine says little, and only ratios
taken in one run mean anything. Corpus: scripts/bench_corpus.py. Peers: duckdb and tantivy from PyPI and ripgrep, where they are
there. Asserts nothing but that the answers are right.
"""

import argparse
import http.client
import json
import os
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import bench_corpus
import bench_peers
from bench_server import Server, disk, send_all


def single_records(address, senders=64, seconds=8):
    """Records per second when each comes alone in a request and is acknowledged after the sync."""
    body_of = lambda number: bench_corpus.field(0x0A, bench_corpus.field(0x12, bench_corpus.field(0x12, (
        b"\x09" + struct.pack("<Q", time.time_ns()) + b"\x10\x09" + bench_corpus.field(0x2A, bench_corpus.field(0x0A, f"accepted order {number}".encode()))))))
    poller, sockets, done = select.epoll(), {}, 0

    def send(sock, number):
        body = body_of(number)
        sock.send(b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    for number in range(senders):
        sock = socket.create_connection(address.split(":"))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[sock.fileno()] = sock
        poller.register(sock, select.EPOLLIN)
        send(sock, number)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        for handle, _ in poller.poll(1):
            answer = sockets[handle].recv(4096)
            if not answer.startswith(b"HTTP/1.1 200"):
                sys.exit(f"refused: {answer[:80]}")
            done += 1
            send(sockets[handle], senders + done)
    return done / (time.monotonic() - started)


def window(start, end):
    return {"from": bench_corpus.stamp((bench_corpus.DAY + start) * 10**9), "to": bench_corpus.stamp((bench_corpus.DAY + end) * 10**9)}


def shapes(facts):
    """The questions, each with the rows that are right where that is known."""
    day = window(0, 86_399)
    return {
        "trace": [("/v1/logs", dict(day, trace=trace, limit=200), None) for trace in facts["traces"]],
        "needle": [("/v1/logs", dict(day, q=bench_corpus.NEEDLE, limit=100), 1)] * 20,
        "phrase": [("/v1/logs", dict(day, q=bench_corpus.PHRASE, limit=100), min(100, facts["phrase"]))] * 20,
        "errwin": [("/v1/logs", dict(window(50_400, 51_300), level="ERROR", service="orders", limit=100), min(100, facts["window"]))] * 20,
        "histogram": [("/v1/logs", dict(day, level="ERROR", service="orders", limit=1), None)] * 20,
        "top words": [("/v1/patterns", dict(window(43_200, 64_800), q="exhausted"), None)] * 20,
    }


def query(server, facts):
    """Milliseconds per question by shape (p50, p99) and CPU milliseconds each."""
    connection, found = http.client.HTTPConnection(server.http), {}
    for name, questions in shapes(facts).items():
        times, cpu = [], server.cpu()
        for path, parameters, expected in questions:
            started = time.monotonic()
            connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
            response = connection.getresponse()
            body = response.read()
            times.append((time.monotonic() - started) * 1000)
            rows = json.loads(body).get("lines", [])
            if response.status != 200 or expected is not None and len(rows) != expected:
                sys.exit(f"{name}: {response.status}, {len(rows)} rows where {expected} were expected; {body[:200]}")
        times.sort()
        found[name] = (statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))], (server.cpu() - cpu) * 1000 / len(times))
    return found


def ours(binary, folder, facts):
    """One round over HTTP: CPU seconds, peak memory, bytes on disk, questions, single records."""
    directory = tempfile.mkdtemp(dir=folder)
    try:
        server = Server(binary, directory)
        # What a server does once, such as loading the table of tokens, is not what taking logs costs.
        time.sleep(1)
        before, started = server.cpu(), time.monotonic()
        send_all(server.otlp, os.path.join(folder, "requests.bin"))
        sent, wall, peak = server.cpu() - before, time.monotonic() - started, server.memory()
        total = server.stop()
        size = disk(directory)
        server = Server(binary, directory)
        asked = query(server, facts)
        singles = single_records(server.otlp)
        server.stop()
        return {"cpu": total - before, "sent": sent, "wall": wall, "peak": peak, "disk": size, "queries": asked, "singles": singles}
    finally:
        shutil.rmtree(directory)


def ours_file(binary, folder):
    """CPU seconds of `groundcrew ingest` of the plain lines."""
    directory = tempfile.mkdtemp(dir=folder)
    try:
        environment = dict(os.environ, GROUNDCREW_DATA_DIR=directory)
        process = subprocess.Popen([binary, "ingest", os.path.join(folder, "lines.jsonl")], env=environment, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit("ingest failed")
        return {"cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024, "disk": disk(directory)}
    finally:
        shutil.rmtree(directory)


def report(name, rounds, raw):
    middle = lambda key: statistics.median(round_[key] for round_ in rounds)
    rate = raw / 1e6 / middle("cpu")
    print(f"{name:28} {rate:7.1f} MB per CPU second   size/raw {middle('disk') / raw:.3f}   peak {middle('peak'):6.0f} MB")
    return rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--megabytes", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "groundcrew-bench"))
    parser.add_argument("--only", default="ours,file,duckdb,tantivy,ripgrep")
    asked = parser.parse_args()
    folder = os.path.join(asked.folder, f"{asked.megabytes}")
    facts = bench_corpus.write(folder, asked.megabytes)
    print(f"{facts['lines']:,} lines, {facts['raw'] / 1e6:.0f} MB as JSON, {facts['otlp'] / 1e6:.0f} MB as OTLP")
    binary, wanted = os.path.abspath(asked.binary), asked.only.split(",")
    rounds = {name: [] for name in wanted}
    for _ in range(asked.rounds):
        for name in wanted:
            if name == "ours":
                rounds[name].append(ours(binary, folder, facts))
            elif name == "file":
                rounds[name].append(ours_file(binary, folder))
            elif measured := bench_peers.run(name, folder, facts):
                rounds[name].append(measured)
    rates = {name: report(name, of, facts["raw"]) for name, of in rounds.items() if of and "cpu" in of[0]}
    for name, rate in rates.items():
        if name != "ours" and "ours" in rates:
            print(f"ours is {rates['ours'] / rate:.2f} of {name}")
    for name, of in rounds.items():
        for shape in (of[0].get("queries", {}) if of else {}):
            p50, p99, cpu = (statistics.median(round_["queries"][shape][place] for round_ in of) for place in range(3))
            print(f"{name:10} {shape:12} p50 {p50:8.2f} ms   p99 {p99:8.2f} ms   CPU {cpu:8.2f} ms")
    if rounds.get("ours"):
        print(f"single records, 64 senders, synced: {statistics.median(round_['singles'] for round_ in rounds['ours']):,.0f} per second; "
              f"CPU until the last answer {statistics.median(round_['sent'] for round_ in rounds['ours']):.2f} s of {statistics.median(round_['cpu'] for round_ in rounds['ours']):.2f} s")


main()
