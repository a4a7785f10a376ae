"""A server that is measured, and what is sent to it."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

SENDERS = 4


class Server:
    """A running `groundcrew serve` with its addresses; `group` is joined before it runs."""

    def __init__(self, binary, directory, settings=None, group=None):
        environment = dict(os.environ, GROUNDCREW_DATA_DIR=directory, GROUNDCREW__SERVER__LISTEN="127.0.0.1:0",
                           GROUNDCREW__SERVER__OTLP_GRPC="127.0.0.1:0", GROUNDCREW__SERVER__OTLP_HTTP="127.0.0.1:0", **(settings or {}))
        self.began = time.monotonic()
        self.process = subprocess.Popen([binary, "serve"], env=environment, stderr=subprocess.DEVNULL, preexec_fn=group and group.join)
        while True:
            try:
                addresses = json.load(open(os.path.join(directory, "server.json")))
                if addresses.get("pid", self.process.pid) == self.process.pid:
                    self.http, self.otlp = addresses["http"], addresses["otlp_http"]
                    socket.create_connection(self.otlp.split(":")).close()
                    return
            except (OSError, ValueError, KeyError):
                if self.process.poll() is not None:
                    sys.exit(f"the server ended with {self.process.returncode}")
                time.sleep(0.005)

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, key="VmHWM"):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(key):
                return int(line.split()[1]) / 1024
        return 0

    def stop(self, how=signal.SIGTERM):
        """Ends it, in good order unless told otherwise; returns the CPU seconds of its whole life."""
        self.process.send_signal(how)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime


def disk(directory, parts=("logs", "wal", "manifest.bin", "templates.log")):
    """Bytes of telemetry at rest."""
    total = 0
    for part in parts:
        for root, _, files in os.walk(os.path.join(directory, part)):
            total += sum(os.path.getsize(os.path.join(root, name)) for name in files)
        path = os.path.join(directory, part)
        total += os.path.getsize(path) if os.path.isfile(path) else 0
    return total


def requests_of(path):
    with open(path, "rb") as file:
        while head := file.read(4):
            yield file.read(struct.unpack("<I", head)[0])


def send_all(address, path, route="/v1/logs"):
    """Sends every request, acknowledged, over a few connections."""
    source, lock = requests_of(path), threading.Lock()

    def sender():
        connection = http.client.HTTPConnection(address)
        while True:
            with lock:
                body = next(source, None)
            if body is None:
                return
            while True:
                connection.request("POST", route, body, {"content-type": "application/x-protobuf"})
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    break
                if response.status not in (429, 503):
                    sys.exit(f"refused: {response.status}")
                time.sleep(0.2)

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
