"""Puts a release binary under more than it can take, and kills it with a full log.

    python3 scripts/harm.py BINARY overload [--seconds 60] [--times 10] [--records 200] [--memory 512]
    python3 scripts/harm.py BINARY recovery [--mebibytes 1024]

`overload`: how much a few senders get stored at most, and how long answers take meanwhile with no load at all; then so many
times the senders, each of which sends again at once when it is refused. The server has a bounded memory where a cgroup can be
made (root), else its peak is only told. `recovery`: telemetry that is in the log alone, kill -9, and how long until the server
takes telemetry again and until all of it is found. Both insist on what must hold on any machine: no process dies, refusals say
when to come back, nothing acknowledged is missing. Everything else is told.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from bench_server import Server

RECORDS = 200  # of a request
WORDS = ("accepted refused shipped payment cart order stock retry timeout upstream worker queue cache lease pool shard "
         "leader follower commit offset partition replica checkout invoice carrier session token gateway").split()


def p(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


class Group:
    """A memory cgroup of version 1 or 2; nothing where none can be made."""

    def __init__(self, mebibytes):
        self.path, self.version = None, 0
        name = f"groundcrew-harm-{os.getpid()}"
        for root, version, limit in (("/sys/fs/cgroup/memory", 1, "memory.limit_in_bytes"), ("/sys/fs/cgroup", 2, "memory.max")):
            path = os.path.join(root, name)
            try:
                os.mkdir(path)
                with open(os.path.join(path, limit), "w") as file:
                    file.write(str(mebibytes << 20))
                self.path, self.version = path, version
                return
            except OSError:
                with contextlib.suppress(OSError):
                    os.rmdir(path)

    def join(self):
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
                file.write(str(os.getpid()))

    def kills(self):
        """How many processes were killed for want of memory."""
        if not self.path:
            return 0
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        lines = open(os.path.join(self.path, name)).read().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def remove(self):
        if self.path:
            for _ in range(50):
                with contextlib.suppress(OSError):
                    os.rmdir(self.path)
                    return
                time.sleep(0.1)


class Bodies:
    """Requests of OTLP as JSON, no two alike, made once and numbered as they are sent."""

    def __init__(self, seed):
        rng = random.Random(seed)
        text = lambda: f"{' '.join(rng.choices(WORDS, k=9))} {rng.getrandbits(40):010x} in {rng.randrange(9000)} ms"
        rows = [{"timeUnixNano": f"##########{number:09d}", "severityNumber": 9, "body": {"stringValue": text()}} for number in range(RECORDS)]
        rows[0]["body"]["stringValue"] = "request @@@@@@@@@@@@"
        attributes = [{"key": "service.name", "value": {"stringValue": f"svc-{seed % 8}"}}]
        whole = json.dumps({"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": rows}]}]}).encode()
        self.head, self.tail = whole.split(b"@@@@@@@@@@@@")
        self.seed, self.number = seed, 0

    def next(self):
        self.number += 1
        now = b"%010d" % time.time()
        return b"%s%04d%08d%s" % (self.head.replace(b"##########", now), self.seed, self.number, self.tail.replace(b"##########", now))


class Load:
    """Senders that send as fast as they are let, and at once again what was refused."""

    def __init__(self, server, senders):
        self.server, self.is_over = server, threading.Event()
        self.stored = self.refused = self.bytes = 0
        self.wrong, self.waits, self.lock = [], [], threading.Lock()
        self.threads = [threading.Thread(target=self.send, args=(number,)) for number in range(senders)]
        [thread.start() for thread in self.threads]

    def send(self, seed):
        bodies = Bodies(seed + 1_000 * random.randrange(9))
        connection = http.client.HTTPConnection(self.server.otlp, timeout=60)
        body = bodies.next()
        while not self.is_over.is_set():
            began = time.monotonic()
            try:
                connection.request("POST", "/v1/logs", body, {"content-type": "application/json"})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                with self.lock:
                    self.wrong.append(repr(error))
                continue
            with self.lock:
                if response.status == 200:
                    self.stored += RECORDS
                    self.bytes += len(body)
                    self.waits.append(time.monotonic() - began)
                    body = bodies.next()
                elif response.status in (429, 503) and int(response.headers.get("retry-after", "0")) >= 1:
                    self.refused += 1
                else:
                    self.wrong.append(f"{response.status} without Retry-After")

    def end(self):
        self.is_over.set()
        [thread.join() for thread in self.threads]


def ask(server, number):
    body = json.dumps({"text": f"why does svc-{number % 8} fail?"}).encode()
    connection = http.client.HTTPConnection(server.http, timeout=120)
    began = time.monotonic()
    try:
        connection.request("POST", "/v1/ask", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        problem = None if response.status == 200 else response.status
    except OSError as error:
        problem = error
    if problem:
        # Threads that send would go on for ever.
        code = server.process.poll()
        print(f"a question was not answered: {problem}" + (f"; the server ended with {code}" if code is not None else ""), flush=True)
        if code is None:
            server.stop(signal.SIGKILL)
        os._exit(1)
    return time.monotonic() - began


def phase(server, senders, seconds):
    """A stretch of load with a question each second; the stored, refused, wrong, and how long answers took."""
    load = Load(server, senders)
    began, cpu, answers, number = time.monotonic(), server.cpu(), [], 0
    while time.monotonic() - began < seconds:
        answers.append(ask(server, number))
        number += 1
        time.sleep(max(0.0, began + number - time.monotonic()))
    took, cpu = time.monotonic() - began, server.cpu() - cpu
    load.end()
    rate = load.stored / took
    print(f"  {senders} senders, {took:.0f} s: {rate:,.0f} records/s stored ({load.bytes / took / 1e6:.1f} MB/s, {load.stored / max(cpu, .01):,.0f} records per "
          f"processor second), {load.refused:,} refusals, answers p50 {p(answers, .5) * 1e3:.0f} ms, p99 {p(answers, .99) * 1e3:.0f} ms, "
          f"acknowledged after p50 {p(load.waits, .5) * 1e3:.0f} ms, p99 {p(load.waits, .99) * 1e3:.0f} ms, memory {server.memory('VmRSS'):.0f} MiB "
          f"(peak {server.memory('VmHWM'):.0f})", flush=True)
    if load.wrong:
        sys.exit(f"refused in another way than told: {load.wrong[:5]}")
    return load, rate, answers, load.stored / max(cpu, 0.01)


def overload(options, directory):
    group = Group(options.memory)
    print(f"memory bounded at {options.memory} MiB" if group.path else "no cgroup to be had: memory is only told")
    server = Server(options.binary, directory, group=group if group.path else None)
    short = max(5, options.seconds // 4)
    print("no load:")
    phase(server, 1, 3)
    calm = [ask(server, number) for number in range(20)]
    print(f"  answers p50 {p(calm, .5) * 1e3:.0f} ms, p99 {p(calm, .99) * 1e3:.0f} ms")
    print("as much as it takes:")
    at_most, most, busy, per_cpu = phase(server, options.senders, short)
    print(f"{options.times} times that:")
    over, rate, answers, over_per_cpu = phase(server, options.senders * options.times, options.seconds)
    print(f"goodput {rate / most:.2f} of the most ({over_per_cpu / per_cpu:.2f} per processor second); answers p99 {p(answers, .99) / p(busy, .99):.2f} times that "
          f"under the most, {p(answers, .99) / p(calm, .99):.2f} times that without load; peak {server.memory('VmHWM'):.0f} MiB; {group.kills()} killed for want of memory")
    calm = [ask(server, number) for number in range(20)]
    print(f"no load any more, all of that stored: answers p50 {p(calm, .5) * 1e3:.0f} ms, p99 {p(calm, .99) * 1e3:.0f} ms; under the load p99 {p(answers, .99) / p(calm, .99):.2f} times that")
    kills = group.kills()
    server.stop()
    group.remove()
    if kills or server.process.returncode:
        sys.exit(f"{kills} killed, ended with {server.process.returncode}")


def send_until(server, mebibytes, wal):
    """Sends until the log is so long; returns how many records were acknowledged."""
    load = Load(server, 4)
    size = lambda: sum(os.path.getsize(os.path.join(wal, name)) for name in os.listdir(wal)) / (1 << 20)
    while size() < mebibytes and server.process.poll() is None:
        time.sleep(0.05)
    load.end()
    if load.wrong:
        sys.exit(f"while filling: {load.wrong[:5]}")
    return load.stored, size()


def recovery(options, directory):
    settings = {"GROUNDCREW__DATA__MEMORY_MIB_MAX": str(options.memory_held), "GROUNDCREW__DATA__SEAL_AFTER_SECS": "86400"}
    server = Server(options.binary, directory, settings)
    wal = os.path.join(directory, "wal")
    stored, size = send_until(server, options.mebibytes, wal)
    before = server.memory("VmRSS")
    server.stop(signal.SIGKILL)
    print(f"{stored:,} records, a log of {size:.0f} MiB, the server had {before:.0f} MiB; killed")
    server = Server(options.binary, directory, settings if options.same else None)
    listening = time.monotonic() - server.began
    bodies = Bodies(7_777)
    while True:
        connection = http.client.HTTPConnection(server.otlp, timeout=120)
        connection.request("POST", "/v1/logs", bodies.next(), {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            break
        time.sleep(0.01)
    accepted, cpu, peak = time.monotonic() - server.began, server.cpu(), server.memory("VmHWM")
    per_gib = 1024 / size
    print(f"listens after {listening:.2f} s, first write acknowledged after {accepted:.2f} s ({cpu:.2f} processor seconds, {cpu * per_gib:.1f} per GiB of log), "
          f"peak {peak:.0f} MiB", flush=True)
    server.stop()
    code = server.process.returncode
    found = subprocess.run([options.binary, "doctor", "-o", "json"], env=dict(os.environ, GROUNDCREW_DATA_DIR=directory), capture_output=True, text=True).stdout
    if code or f"{stored + RECORDS:,} records" not in found:
        sys.exit(f"ended with {code}; of {stored + RECORDS} records: {found}")
    print("all of it is there")


def main():
    global RECORDS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("what", choices=("overload", "recovery"))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--records", type=int, default=RECORDS, help="records of a request; many make the server refuse")
    parser.add_argument("--memory", type=int, default=512, help="MiB that the server may have")
    parser.add_argument("--mebibytes", type=int, default=1024, help="of the log when it is killed")
    parser.add_argument("--memory-held", type=int, default=1024, help="data.memory_mib_max while the log is filled")
    parser.add_argument("--same", action="store_true", help="start again with the same setting")
    options = parser.parse_args()
    RECORDS = options.records
    directory = tempfile.mkdtemp()
    try:
        {"overload": overload, "recovery": recovery}[options.what](options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
