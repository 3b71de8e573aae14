#!/usr/bin/env python3
"""Sends real rows to model servers at a steady rate and tells how they were answered.

The rate is kept by the clock, not by the answers: a slow server does not slow the load down, until as many requests
are open as there are workers; what cannot be sent then is counted as not sent. Only addresses of this machine and of
private networks are accepted, because a load generator has no business elsewhere.

    load.py --url http://10.192.128.7/v2/models/breast-cancer/infer --rate 50 --duration 30
"""

import argparse
import collections
import http.client
import ipaddress
import itertools
import json
import os
import pathlib
import queue
import signal
import socket
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
# Quantiles are those of so many latest requests, so that a load that goes on for days needs no more memory.
LATENCIES = 20_000


class Target:
    """Where requests go: an address that was checked once, and the path of the infer call."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise argparse.ArgumentTypeError(f'"{url}" is not an http URL')
        if not parts.path.endswith("/infer"):
            raise argparse.ArgumentTypeError(f'"{url}" does not end in /v2/models/NAME[/versions/VERSION]/infer')
        try:
            self.host = socket.gethostbyname(parts.hostname)
        except OSError as error:
            raise argparse.ArgumentTypeError(f'cannot find "{parts.hostname}": {error}') from error
        address = ipaddress.ip_address(self.host)
        if not (address.is_loopback or address.is_private):
            raise argparse.ArgumentTypeError(f'"{url}" is at {address}, outside this machine and private networks')
        self.port = parts.port or 80
        self.path = parts.path


class Tally:
    """What came of the requests. One per run; workers add to it under its lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.codes = collections.Counter()
        self.versions = collections.Counter()
        self.right = collections.Counter()
        self.labelled = collections.Counter()
        self.failures = collections.Counter()
        self.failed_versions = collections.Counter()
        self.sent = 0
        self.latencies = collections.deque(maxlen=LATENCIES)
        self.not_sent = 0
        self.retried = 0

    def blame(self, version, failures):
        with self.lock:
            self.failed_versions[version] += failures

    def add(self, code, seconds, version=None, right=None, failure=None):
        with self.lock:
            self.sent += 1
            self.codes[code] += 1
            self.latencies.append(seconds)
            if version is not None:
                self.versions[version] += 1
                if right is not None:
                    self.labelled[version] += 1
                    self.right[version] += right
            if failure is not None:
                self.failures[failure] += 1

    def blamed(self):
        """Failures by version; "unknown" are those on connections on which no version ever answered."""
        known = dict(sorted(self.failed_versions.items()))
        unknown = sum(self.failures.values()) - sum(known.values())
        return known | ({"unknown": unknown} if unknown > 0 else {})

    def summary(self, seconds):
        with self.lock:
            latencies = sorted(self.latencies)
            sent, kept = self.sent, len(latencies)

            def quantile(share):
                return round(latencies[min(kept - 1, int(share * kept))] * 1000, 3) if kept else None

            return {
                "seconds": round(seconds, 2),
                "sent": sent,
                "not_sent": self.not_sent,
                "failed": sum(self.failures.values()),
                "retried": self.retried,
                "rate": round(sent / seconds, 2) if seconds > 0 else 0,
                "codes": dict(sorted(self.codes.items())),
                "versions": dict(sorted(self.versions.items())),
                "accuracy": {v: round(self.right[v] / n, 4) for v, n in sorted(self.labelled.items())},
                "failures": dict(self.failures.most_common(10)),
                "failed_versions": self.blamed(),
                "latency_ms": {name: quantile(q) for name, q in
                               (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))},
            }


class Connection(http.client.HTTPConnection):
    """A connection to a service leads to one pod, so that whoever answers on it also failed on it before."""

    def __init__(self, target, timeout):
        super().__init__(target.host, target.port, timeout=timeout)
        self.used = 0
        self.version = None
        self.failed = 0


class Worker(threading.Thread):
    """Takes due requests one by one and sends them on connections it keeps."""

    def __init__(self, due, tally, timeout, per_connection):
        super().__init__(daemon=True)
        self.due, self.tally, self.timeout, self.per_connection = due, tally, timeout, per_connection
        self.connections = {}

    def run(self):
        while (job := self.due.get()) is not None:
            target, body, label = job
            began = time.monotonic()
            try:
                status, answer, connection = self.send(target, body)
            except (OSError, http.client.HTTPException) as error:
                self.tally.add("none", time.monotonic() - began, failure=type(error).__name__)
                continue
            elapsed = time.monotonic() - began
            version = right = failure = None
            if 200 <= status < 300:
                try:
                    version, right = read_answer(answer, label)
                except (ValueError, LookupError, TypeError):
                    failure = "unreadable answer"
            else:
                failure = f"HTTP {status}"
            self.tally.add(str(status), elapsed, version, right, failure)
            connection.version = version or connection.version
            connection.failed += failure is not None
            if connection.version and connection.failed:
                self.tally.blame(connection.version, connection.failed)
                connection.failed = 0

    def send(self, target, body):
        # A server may close a kept connection at any time. When it does so before any byte of the answer, the
        # request is sent once more on a new one, as any HTTP client does; a new connection is never retried.
        connection = self.connections.pop(target, None)
        if connection is not None:
            try:
                return self.exchange(connection, target, body)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                with self.tally.lock:
                    self.tally.retried += 1
        return self.exchange(Connection(target, self.timeout), target, body)

    def exchange(self, connection, target, body):
        try:
            # A service picks a pod for each connection: each is used for a while only, so that new pods get traffic.
            connection.used += 1
            last = connection.used >= self.per_connection
            headers = {"Content-Type": "application/json"} | ({"Connection": "close"} if last else {})
            connection.request("POST", target.path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        if last or response.will_close:
            connection.close()
        else:
            self.connections[target] = connection
        return response.status, answer, connection


def read_answer(answer, label):
    """The version that answered, and whether its label is the true one (None when the row has none)."""
    reply = json.loads(answer)
    outputs = {output["name"]: output["data"] for output in reply["outputs"]}
    right = None
    if label is not None and "label" in outputs:
        right = outputs["label"][0] == label
    return str(reply.get("model_version", "unknown")), right


def read_rows(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            request = json.loads(line)
            rows.append((line.strip().encode(), request.get("parameters", {}).get("label")))
    if not rows:
        sys.exit(f"load.py: no rows in {path}")
    return rows


def write(summary, path):
    """Replaces a file, so that whoever reads it meanwhile sees a whole one."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)


def show(summary, file):
    print(f'{summary["sent"]} sent in {summary["seconds"]} s, {summary["failed"]} failed, '
          f'{summary["not_sent"]} not sent; codes {summary["codes"]}; versions {summary["versions"]}; '
          f'accuracy {summary["accuracy"]}; latency in ms {summary["latency_ms"]}', file=file, flush=True)
    if summary["failures"]:
        print(f'failures: {summary["failures"]}, by version {summary["failed_versions"]}', file=file, flush=True)


def positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", type=Target, action="append", required=True, dest="targets", metavar="URL",
                        help="infer endpoint; several take turns")
    parser.add_argument("--rows", type=pathlib.Path, default=HERE / "out" / "rows.jsonl", help="requests, one a line")
    parser.add_argument("--rate", type=positive, default=20, help="requests per second over all URLs (20)")
    parser.add_argument("--duration", type=positive, default=30, help="seconds (30)")
    parser.add_argument("--workers", type=int, default=32, choices=range(1, 257), metavar="1-256",
                        help="most requests open at once (32)")
    parser.add_argument("--timeout", type=positive, default=5, help="seconds for one request (5)")
    parser.add_argument("--per-connection", type=int, default=20, help="requests on one connection (20)")
    parser.add_argument("--progress", type=positive, help="print the counts every so many seconds")
    parser.add_argument("--report", type=pathlib.Path, help="write the summary as JSON to this file")
    parser.add_argument("--report-every", type=positive, metavar="SECONDS", help="write it in between, too")
    parser.add_argument("--allow-failures", action="store_true", help="exit with 0 even when requests failed")
    return parser.parse_args()


def main():
    options = parse_arguments()
    rows = itertools.cycle(read_rows(options.rows))
    targets = itertools.cycle(options.targets)
    tally = Tally()
    due = queue.Queue(maxsize=options.workers)
    workers = [Worker(due, tally, options.timeout, options.per_connection) for _ in range(options.workers)]
    for worker in workers:
        worker.start()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    began = time.monotonic()
    next_progress = began + (options.progress or float("inf"))
    next_report = began + (options.report_every or float("inf"))
    for number in itertools.count():
        at = began + number / options.rate
        if at - began >= options.duration or stopped.wait(max(0, at - time.monotonic())):
            break
        try:
            due.put_nowait((next(targets), *next(rows)))
        except queue.Full:
            with tally.lock:
                tally.not_sent += 1
        if time.monotonic() >= next_progress:
            next_progress += options.progress
            show(tally.summary(time.monotonic() - began), sys.stderr)
        if time.monotonic() >= next_report:
            next_report = time.monotonic() + options.report_every
            write(tally.summary(time.monotonic() - began), options.report)
    for _ in workers:
        due.put(None)
    for worker in workers:
        worker.join()

    summary = tally.summary(time.monotonic() - began)
    show(summary, sys.stdout)
    write(summary, options.report)
    return 0 if options.allow_failures or (summary["sent"] and not summary["failed"]) else 1


if __name__ == "__main__":
    sys.exit(main())
