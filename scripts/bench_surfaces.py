"""Measures the surfaces of the release binary: from an alert to its facts card, a storm of alerts, many open chats, and
how soon `ask` says its first word.

    python3 scripts/bench_surfaces.py BINARY [MILLION LOG RECORDS AT REST]

Asserts nothing, because machines differ and are noisy.
"""

import base64
import concurrent.futures
import json
import os
import resource
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

binary = os.path.abspath(sys.argv[1])
millions = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SERVICES = 20


def p(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def logs(path, start_ns, records):
    """OTLP/JSON lines of a millisecond each; of one service in twenty the last ten minutes are bad."""
    with open(path, "w") as out:
        for first in range(0, records, 1000):
            service = first // 1000 % SERVICES
            rows = [{"timeUnixNano": str(start_ns + number * 1_000_000), "severityNumber": 9,
                     "body": {"stringValue": f"handled request {number * 7919 % 100003} in {number % 97} ms for user u{number % 5003}"}}
                    for number in range(first, first + 1000)]
            attributes = [{"key": "service.name", "value": {"stringValue": f"svc-{service}"}}]
            out.write(json.dumps({"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": rows}]}]}) + "\n")


def serve(directory, **more):
    settings = {"GROUNDCREW_DATA_DIR": directory, "GROUNDCREW__SERVER__LISTEN": "127.0.0.1:0",
                "GROUNDCREW__SERVER__OTLP_GRPC": "127.0.0.1:0", "GROUNDCREW__SERVER__OTLP_HTTP": "127.0.0.1:0", **more}
    server = subprocess.Popen([binary, "serve"], env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    while True:
        try:
            addresses = json.load(open(os.path.join(directory, "server.json")))
            urllib.request.urlopen(f"http://{addresses['http']}/readyz", timeout=1).read()
            return server, addresses
        except (OSError, ValueError):
            time.sleep(0.01)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))


def alert(address, name, service):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return post(f"http://{address}/hooks/alertmanager", {"receiver": "bench", "status": "firing", "groupLabels": {}, "alerts": [
        {"status": "firing", "labels": {"alertname": name, "service": service, "severity": "critical"},
         "annotations": {"summary": "requests fail"}, "startsAt": now, "fingerprint": f"{name}/{service}"}]})


def opened(address):
    return json.load(urllib.request.urlopen(f"http://{address}/v1/overview", timeout=60))["opened"]


def alerts_to_cards(directory):
    server, addresses = serve(directory)
    try:
        address, otlp = addresses["http"], addresses["otlp_http"]
        waits = []
        for service in range(SERVICES):
            break_service(otlp, f"svc-{service}")
            known = len(answers(address))
            started = time.monotonic()
            alert(address, "Failing", f"svc-{service}")
            while len(answers(address)) == known and time.monotonic() - started < 30:
                time.sleep(0.005)
            waits.append((time.monotonic() - started) * 1000)
        print(f"alert to facts card, {millions} million log records at rest: p50 {p(waits, .5):.0f} ms, p95 {p(waits, .95):.0f} ms ({len(waits)} alerts)")
        before = sum(row["alerts"] for row in opened(address))
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda number: alert(address, f"a{number}", f"svc-{number % SERVICES}"), range(1000)))
        took = time.monotonic() - started
        rows = opened(address)
        print(f"1,000 alerts in {took:.1f} s: {sum(row['alerts'] for row in rows) - before} folded into {len(rows)} incidents")
    finally:
        server.terminate()
        server.wait()


def answers(address):
    return json.load(urllib.request.urlopen(f"http://{address}/v1/answers", timeout=60))["incidents"]


def break_service(otlp, name):
    """A thousand errors in the last minutes; what was found of others does not explain them."""
    now = time.time_ns()
    rows = [{"timeUnixNano": str(now - number * 200_000_000), "severityNumber": 17,
             "body": {"stringValue": f"could not get a connection within {3000 + number} ms: pool of {name} exhausted"}} for number in range(1000)]
    attributes = [{"key": "service.name", "value": {"stringValue": name}}]
    post(f"http://{otlp}/v1/logs", {"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": rows}]}]})


class Chat:
    """A WebSocket, as little of one as is needed."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: groundcrew.v1+json\r\n\r\n").encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(4096)
        self.rest = self.rest.split(b"\r\n\r\n", 1)[1]

    def send(self, t, d):
        payload = json.dumps({"t": t, "d": d}).encode()
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(payload))
        mask = os.urandom(4)
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def take(self, count):
        while len(self.rest) < count:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.rest += more
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def until(self, *wanted):
        """The next frame of one of these types."""
        while True:
            kind, length = self.take(2)
            length = {126: lambda: struct.unpack(">H", self.take(2))[0], 127: lambda: struct.unpack(">Q", self.take(8))[0]}.get(length & 0x7F, lambda: length & 0x7F)()
            payload = self.take(length)
            if kind & 0x0F == 1:
                frame = json.loads(payload)
                if frame["t"] in wanted:
                    return frame


def memory(pid):
    return int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")).split()[1])


def chats(directory, count=2000, asking=50):
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    server, addresses = serve(directory, GROUNDCREW__SERVER__QUESTIONS_MAX=str(asking))
    try:
        address = addresses["http"]
        warm = Chat(address)
        warm.send("ask", {"text": "why does svc-1 fail?", "ask_id": "warm"})
        warm.until("run.finished")
        time.sleep(1)
        base = memory(server.pid)
        idle = [Chat(address) for _ in range(count)]
        for chat in idle:
            chat.send("hello", {"client": {"name": "bench", "version": "1", "surface": "cli"}})
            chat.until("welcome")
        time.sleep(1)
        each = (memory(server.pid) - base) / count
        print(f"{count} open chats: {each:.1f} KiB of memory each")
        done = threading.Event()
        waits = []

        def knock():
            turn = 0
            while not done.is_set():
                chat = idle[turn * 37 % count]
                turn += 1
                started = time.perf_counter()
                # Nothing runs there to be cancelled, which is said at once.
                chat.send("cancel", {"run_id": "none"})
                chat.until("error")
                waits.append((time.perf_counter() - started) * 1000)
                time.sleep(0.005)

        def ask(number):
            chat = Chat(address)
            started = time.perf_counter()
            chat.send("ask", {"text": f"why does svc-{number % SERVICES} fail?", "ask_id": f"a{number}"})
            frame = chat.until("run.finished", "error")
            assert frame["t"] == "run.finished", frame
            return time.perf_counter() - started

        knocking = threading.Thread(target=knock)
        knocking.start()
        with concurrent.futures.ThreadPoolExecutor(asking) as pool:
            answers = list(pool.map(ask, range(asking)))
        done.set()
        knocking.join()
        print(f"{asking} asking at once: answers p50 {p(answers, .5):.1f} s, p99 {p(answers, .99):.1f} s; control messages p50 "
              f"{statistics.median(waits):.1f} ms, p99 {p(waits, .99):.0f} ms ({len(waits)})")
    finally:
        server.terminate()
        server.wait()


def first_word(directory, times=20):
    """From the start of the process to the first byte that it writes to a pipe, and to its end."""

    def asked():
        started = time.perf_counter()
        child = subprocess.Popen([binary, "ask", "why does svc-1 fail?"], env={**os.environ, "GROUNDCREW_DATA_DIR": directory},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with selectors.DefaultSelector() as ready:
            ready.register(child.stdout, selectors.EVENT_READ)
            ready.register(child.stderr, selectors.EVENT_READ)
            ready.select()
            first = time.perf_counter() - started
        child.communicate()
        return first * 1000, (time.perf_counter() - started) * 1000

    def told(how):
        waits = [asked() for _ in range(times)]
        first, whole = [wait[0] for wait in waits], [wait[1] for wait in waits]
        print(f"`ask` {how}: first byte p50 {p(first, .5):.0f} ms, p95 {p(first, .95):.0f} ms; the whole answer p50 {p(whole, .5):.0f} ms")

    told("in its own process")
    server, _ = serve(directory)
    try:
        told("of a running server")
    finally:
        server.terminate()
        server.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "data")
        start = time.time_ns() - millions * 1_000_000 * 1_000_000
        for part in range(millions):
            file = os.path.join(folder, "logs.jsonl")
            logs(file, start + part * 1_000_000 * 1_000_000, 1_000_000)
            done = subprocess.run([binary, "ingest", "--again", file], env={**os.environ, "GROUNDCREW_DATA_DIR": directory},
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
        alerts_to_cards(directory)
        chats(directory)
        first_word(directory)


if __name__ == "__main__":
    main()
