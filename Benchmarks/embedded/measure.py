#!/usr/bin/env python3
"""Measures one API server: creates, lists, fan-out of watches, memory.

    measure.py --name NAME --kubeconfig FILE --pid NAME=NUMBER [--pid ...] [--n 50000]

The server is empty and listens on loopback; `run` starts it and names its processes. README.md says what the figures
mean. Needs Linux and Python 3.9, nothing else.
"""

import argparse
import base64
import json
import multiprocessing
import os
import pathlib
import re
import selectors
import signal
import ssl
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "runtime"))
from drive import MERGE_PATCH, Connection, Window, each  # noqa: E402

NAMESPACES = 10
# Seconds after which the watches are given up.
WATCH_LIMIT = 300


class Server:
    """The server under test, reached as its kubeconfig says."""

    def __init__(self, kubeconfig, pids):
        text = kubeconfig.read_text()

        def field(name):
            found = re.search(rf"^[\s-]*{name}: *\"?([^\"\s]+)\"?", text, re.MULTILINE)
            if not found:
                raise ValueError(f"{kubeconfig} has no {name}")
            return found[1]

        self.address = field("server")
        authority = base64.b64decode(field("certificate-authority-data")).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:
            for name in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(field(name)) + b"\n")
            pair.flush()
            self.tls.load_cert_chain(pair.name)
        self.pids = pids
        self.own = threading.local()

    def connect(self):
        return Connection(self.address, self.tls)

    def request(self, *arguments):
        """Sends a request on the calling thread's connection."""
        if not hasattr(self.own, "connection"):
            self.own.connection = self.connect()
        return self.own.connection.request(*arguments)

    def memory(self):
        """MB, resident now and at the peak, of all processes."""
        now = peak = 0
        for pid in self.pids.values():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
            now += int(fields["VmRSS"].split()[0]) / 1024
            peak += int(fields["VmHWM"].split()[0]) / 1024
        return {"rss_mb": now, "peak_rss_mb": peak}


def path_of(number):
    return f"/api/v1/namespaces/bench-{number % NAMESPACES}/configmaps"


def config_map(number):
    """About 1 KB, as small objects of controllers are."""
    labels = {"app.kubernetes.io/name": "bench", "shard": str(number % 16)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"c-{number:06}", "labels": labels},
        "data": {f"key-{index}": f"{number:06}-" + "0123456789abcdef" * 5 for index in range(8)},
    }


def share(sorted_values, part):
    return sorted_values[int(part * (len(sorted_values) - 1))]


def create(server, options):
    """Objects created by so many connections, each after its last one was answered."""
    for number in range(NAMESPACES):
        name = {"metadata": {"name": f"bench-{number}"}}
        server.request("POST", "/api/v1/namespaces", json.dumps(name).encode())
    bodies = [json.dumps(config_map(number)).encode() for number in range(options.n)]
    times = []

    def post(number):
        began = time.monotonic()
        server.request("POST", path_of(number), bodies[number])
        times.append(time.monotonic() - began)

    window, began = Window(server), time.monotonic()
    each(range(options.n), options.connections, post)
    seconds = time.monotonic() - began
    times.sort()
    return window.close() | {
        "creates_per_s": options.n / seconds,
        "p50_ms": share(times, 0.5) * 1000,
        "p99_ms": share(times, 0.99) * 1000,
    }


def list_all(server, query):
    """One answer with all objects, read but not parsed; the first is not counted, as caches fill with it."""
    times, size = [], 0
    for turn in range(6):
        if turn == 1:
            window = Window(server)
        began = time.monotonic()
        body = server.request("GET", f"/api/v1/configmaps{query}")
        times.append(time.monotonic() - began)
        size = len(body)
    times = sorted(times[1:])
    middle = times[len(times) // 2]
    return window.close() | {"list_s": middle, "mb": size / 1e6, "mb_per_s": size / 1e6 / middle}


def list_pages(server):
    """The same in pages of 500, one after the other."""
    window, began = Window(server), time.monotonic()
    count, token = 0, ""
    while True:
        page = json.loads(server.request("GET", f"/api/v1/configmaps?limit=500&continue={token}"))
        count += len(page["items"])
        token = page["metadata"].get("continue", "")
        if not token:
            return window.close() | {"list_s": time.monotonic() - began, "items": count}


def update(server, options, begin):
    """Patches objects by so many connections; runs in a process of its own beside the one that reads the watches."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    begin.wait()

    def patch(number):
        body = json.dumps({"data": {"key-0": f"updated-{number}"}}).encode()
        server.request("PATCH", f"{path_of(number)}/c-{number:06}", body, MERGE_PATCH)

    each(range(options.updates), options.connections, patch)


def watch(server, options):
    """All watchers see every update: from the first patch until the last watcher has the last event."""
    version = json.loads(server.request("GET", "/api/v1/configmaps?limit=1"))["metadata"]["resourceVersion"]
    watches = []
    for _ in range(options.watchers):
        connection = server.connect()
        status, _ = connection.begin("GET", f"/api/v1/configmaps?watch=1&resourceVersion={version}")
        if status != 200:
            raise RuntimeError(f"a watch is answered with {status}")
        watches.append(connection)
    begin = multiprocessing.Event()
    writer = multiprocessing.Process(target=update, args=(server, options, begin))
    writer.start()
    selector = selectors.DefaultSelector()
    for connection in watches:
        connection.socket.setblocking(False)
        # What stands in the reader's buffer came with the head; nothing had changed by then.
        selector.register(connection.socket, selectors.EVENT_READ, {"events": 0, "last": b""})
    wanted = options.updates * len(watches)
    seen = size = 0
    window, began = Window(server), time.monotonic()
    begin.set()
    while seen < wanted:
        if time.monotonic() > began + WATCH_LIMIT or writer.exitcode not in (None, 0):
            raise RuntimeError(f"{seen} of {wanted} events came")
        for key, _ in selector.select(1):
            while True:
                try:
                    part = key.fileobj.recv(1 << 16)
                except ssl.SSLWantReadError:
                    break
                if not part:
                    raise RuntimeError("a watch ended")
                # An event ends with a line feed behind a brace; inside of one, JSON has no line feed.
                count = (key.data["last"] + part).count(b"}\n")
                key.data["last"] = part[-1:]
                key.data["events"] += count
                seen += count
                size += len(part)
    seconds = time.monotonic() - began
    figures = window.close()
    writer.join()
    if any(key.data["events"] != options.updates for key in selector.get_map().values()):
        raise RuntimeError("a watcher has too few events, and another too many")
    memory = server.memory()
    for connection in watches:
        connection.close()
    return figures | memory | {
        "events_per_s": wanted / seconds,
        "updates_per_s": options.updates / seconds,
        "mb_per_s": size / 1e6 / seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--name", required=True, help="what the server is called in the results")
    parser.add_argument("--kubeconfig", type=pathlib.Path, required=True)
    parser.add_argument("--pid", action="append", default=[], metavar="NAME=NUMBER", help="a process of the server")
    parser.add_argument("--n", type=int, default=50000, help="objects")
    parser.add_argument("--connections", type=int, default=10, help="that write at the same time")
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--updates", type=int, default=1000, help="that every watcher is to see")
    parser.add_argument("--out", help="append results to this file, one JSON object a line")
    options = parser.parse_args()
    options.updates = min(options.updates, options.n)
    pids = {name: int(number) for name, _, number in (pid.partition("=") for pid in options.pid)}
    server = Server(options.kubeconfig, pids)

    def tell(phase, figures):
        result = {"phase": phase, "name": options.name, "n": options.n, "cores": os.cpu_count()}
        result["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        result |= {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
        print(json.dumps(result), flush=True)
        if options.out:
            with open(options.out, "a") as out:
                out.write(json.dumps(result) + "\n")

    tell("empty", server.memory())
    tell("create", create(server, options))
    tell("created", server.memory())
    tell("list", list_all(server, ""))
    tell("list-cached", list_all(server, "?resourceVersion=0"))
    tell("list-pages", list_pages(server))
    tell("watch", watch(server, options))
    tell("end", server.memory())


if __name__ == "__main__":
    main()
