#!/usr/bin/env python3
"""Measures Kubernetes operators, in whatever language, on the same work against a real kube-apiserver.

    drive.py --cluster FOLDER --operator NAME=COMMAND [--operator ...] [--phases sync,reconcile,latency,idle,ceiling]

FOLDER is what `run` makes: `server` (an address), `pki/` (ca.crt, admin.crt, admin.key), `admin.kubeconfig`, and
`apiserver.pid` and `etcd.pid`. README.md says what an operator must do and what the figures mean. Operators take turns,
so that all of them see the same machine; of each figure the median of the repetitions is told. Needs Linux and Python
3.9, nothing else.
"""

import argparse
import collections
import json
import os
import pathlib
import queue
import random
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

COLLECTION = "/apis/bench.local/v1/widgets"
NAMESPACES = 10
MERGE_PATCH = "application/merge-patch+json"
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds after which a phase is given up.
PHASE_LIMIT = 900

CONDITION = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "string"},
        "reason": {"type": "string"},
        "message": {"type": "string"},
        "observedGeneration": {"type": "integer", "format": "int64"},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"value": {"type": "string"}, "note": {"type": "string"}}},
        "status": {
            "type": "object",
            "properties": {
                "observed": {"type": "string"},
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": CONDITION,
                },
            },
        },
    },
}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.bench.local"},
    "spec": {
        "group": "bench.local",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": SCHEMA},
            }
        ],
    },
}


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body[:300].decode(errors='replace')}")
        self.status = status


class Connection:
    """One kept HTTP/1.1 connection that sends what is ready made and reads no more of an answer than it must.

    http.client would take several times the processor, from the server that is measured on the same machine.
    """

    def __init__(self, server, tls):
        host, port = server.removeprefix("https://").rsplit(":", 1)
        plain = socket.create_connection((host, int(port)))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname=host)
        self.reader = self.socket.makefile("rb", buffering=1 << 16)
        self.host = f"{host}:{port}"

    def begin(self, method, path, body=b"", content_type="application/json"):
        """Sends a request; returns the status and the fields of the answer's head."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: drive\r\nAccept: application/json\r\n"
        if body:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)
        status = int(self.reader.readline().split(b" ", 2)[1])
        fields = {}
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        return status, fields

    def parts(self, fields):
        """The parts of a chunked body."""
        while size := int(self.reader.readline(), 16):
            yield self.reader.read(size)
            self.reader.readline()
        self.reader.readline()

    def request(self, method, path, body=b"", content_type="application/json"):
        """Sends a request and returns the whole body of a 2xx answer."""
        status, fields = self.begin(method, path, body, content_type)
        if b"content-length" in fields:
            answer = self.reader.read(int(fields[b"content-length"]))
        else:
            answer = b"".join(self.parts(fields))
        if status // 100 != 2:
            raise Refused(status, answer)
        return answer

    def close(self):
        self.reader.close()
        self.socket.close()


class Server:
    """The apiserver under test."""

    def __init__(self, folder):
        self.folder = folder
        self.address = (folder / "server").read_text().strip()
        self.tls = ssl.create_default_context(cafile=folder / "pki/ca.crt")
        self.tls.load_cert_chain(folder / "pki/admin.crt", folder / "pki/admin.key")
        self.pids = {name: int((folder / f"{name}.pid").read_text()) for name in ("apiserver", "etcd")}
        self.own = threading.local()

    def connect(self):
        return Connection(self.address, self.tls)

    def request(self, *arguments):
        """Sends a request on the calling thread's connection."""
        if not hasattr(self.own, "connection"):
            self.own.connection = self.connect()
        return self.own.connection.request(*arguments)

    def list(self):
        """All widgets and the version they were read at."""
        widgets, token = [], ""
        while True:
            page = json.loads(self.request("GET", f"{COLLECTION}?limit=1000&continue={token}"))
            widgets += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return widgets, page["metadata"]["resourceVersion"]

    def await_memory(self, version):
        """Waits until lists from the server's memory show what was written up to a version."""
        for _ in range(240):
            try:
                return self.request(
                    "GET", f"{COLLECTION}?limit=1&resourceVersionMatch=NotOlderThan&resourceVersion={version}"
                )
            except Refused:
                time.sleep(0.5)
        raise TimeoutError(f"the server's memory did not reach version {version}")

    def requests(self):
        """How many requests for widgets the server has counted, by verb and code."""
        counts = collections.Counter()
        for line in self.request("GET", "/metrics").decode().splitlines():
            if line.startswith("apiserver_request_total{") and 'resource="widgets"' in line:
                labels, _, value = line.partition("{")[2].rpartition("} ")
                of = dict(label.split("=", 1) for label in labels.replace('"', "").split(",") if "=" in label)
                verb = of["verb"] + ("/" + of["subresource"] if of.get("subresource") else "")
                counts[f"{verb} {of['code']}"] += float(value)
        return counts


class Watch:
    """Calls `see(widget, time)` for every change after a version, on a thread of its own, until closed.

    A busy server ends watches that take their events too slowly; then it goes on after the last one.
    """

    def __init__(self, server, version, see):
        self.server = server
        self.version = version
        self.see = see
        self.is_closed = False
        self.open()
        threading.Thread(target=self.run, daemon=True).start()

    def open(self):
        self.connection = self.server.connect()
        status, self.fields = self.connection.begin("GET", f"{COLLECTION}?watch=1&resourceVersion={self.version}")
        if status != 200:
            raise Refused(status, b"watch")

    def run(self):
        try:
            while not self.is_closed:
                self.read()
                if not self.is_closed:
                    self.open()
        except (OSError, ValueError, Refused) as error:
            if not self.is_closed:
                print(f"drive: the watch is lost: {error}", file=sys.stderr)
                os.kill(os.getpid(), signal.SIGTERM)

    def read(self):
        rest = b""
        for part in self.connection.parts(self.fields):
            at = time.monotonic()
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ValueError(line)
                self.version = event["object"]["metadata"]["resourceVersion"]
                self.see(event["object"], at)

    def close(self):
        self.is_closed = True
        self.connection.socket.shutdown(socket.SHUT_RDWR)


def each(items, threads, work):
    """Calls `work` with every item, from several threads; throws the first failure."""
    waiting = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    failures = []

    def run():
        while not failures:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                work(item)
            except Exception as error:  # told to the caller below
                failures.append(error)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


# ---- Widgets


def name_of(number):
    return f"bench-{number % NAMESPACES}", f"w-{number:06}"


def path_of(namespace, name):
    return f"/apis/bench.local/v1/namespaces/{namespace}/widgets/{name}"


def key_of(widget):
    return widget["metadata"]["namespace"], widget["metadata"]["name"]


def widget(number):
    namespace, name = name_of(number)
    labels = {"app.kubernetes.io/name": "widget", "app.kubernetes.io/instance": name, "shard": str(number % 16)}
    annotations = {"bench.local/owner": f"team-{number % 37}", "bench.local/text": "lorem ipsum " * 8}
    return {
        "apiVersion": "bench.local/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
        "spec": {"value": "v0", "note": "0123456789" * 12},
    }


def status_patch(value):
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Observed",
        "message": "spec.value is observed",
        "observedGeneration": 1,
        "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return json.dumps({"status": {"observed": value, "conditions": [condition]}}).encode()


def set_status(server, key, value):
    server.request("PATCH", path_of(*key) + "/status", status_patch(value), MERGE_PATCH)


def set_value(server, key, value):
    server.request("PATCH", path_of(*key), json.dumps({"spec": {"value": value}}).encode(), MERGE_PATCH)


def create(server, path, value):
    try:
        server.request("POST", path, json.dumps(value).encode())
    except Refused as refused:
        if refused.status != 409:
            raise


def seed(server, count):
    """Makes exactly `count` widgets."""
    create(server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
    for number in range(NAMESPACES):
        create(server, "/api/v1/namespaces", {"metadata": {"name": f"bench-{number}"}})
    for attempt in range(60):
        try:
            there = {key_of(found) for found in server.list()[0]}
            break
        except Refused:  # the new kind is not served yet
            time.sleep(0.5)
    wanted = {name_of(number): number for number in range(count)}
    each(there - wanted.keys(), 32, lambda key: server.request("DELETE", path_of(*key)))
    missing = [widget(wanted[key]) for key in wanted.keys() - there]
    each(missing, 32, lambda new: create(server, path_of(*key_of(new)).rpartition("/")[0], new))
    settle_all(server)


def settle_all(server):
    """Has every status speak of its specification."""
    widgets, _ = server.list()
    stale = [w for w in widgets if w["spec"]["value"] != w.get("status", {}).get("observed")]
    each(stale, 32, lambda w: set_status(server, key_of(w), w["spec"]["value"]))


# ---- Processes


Usage = collections.namedtuple("Usage", "cpu rss peak threads")


def process(pid):
    """The session, processor seconds (with ended children) and threads of a process; None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 1 :].split()
    return int(fields[3]), sum(map(int, fields[11:15])) / TICKS, int(fields[17])


def cpu_of(pid):
    found = process(pid)
    return found[1] if found else 0


def usage_of_session(session):
    """What all processes of a session use: seconds, and memory in MB."""
    cpu = rss = peak = threads = 0
    for entry in os.listdir("/proc"):
        found = process(entry) if entry.isdigit() else None
        if not found or found[0] != session:
            continue
        cpu += found[1]
        threads += found[2]
        try:
            status = pathlib.Path(f"/proc/{entry}/status").read_text()
        except OSError:
            continue
        memory = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
        rss += int(memory.get("VmRSS", "0 kB").split()[0]) / 1024
        peak += int(memory.get("VmHWM", "0 kB").split()[0]) / 1024
    return Usage(cpu, rss, peak, threads)


def machine_cpu():
    """The seconds that all processors of the machine were busy."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Operator:
    """A running operator, in a session of its own."""

    def __init__(self, command, server, mode, workers, count):
        environment = dict(os.environ, KUBECONFIG=str(server.folder / "admin.kubeconfig"))
        environment.update(BENCH_MODE=mode, BENCH_WORKERS=str(workers), BENCH_N=str(count))
        for name, value in (("mode", mode), ("workers", workers), ("n", count)):
            command = command.replace("{" + name + "}", str(value))
        self.log = open(server.folder / "operator.log", "wb")
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            ["/bin/sh", "-c", "exec " + command],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
            start_new_session=True,
        )
        self.synced = threading.Event()
        self.synced_at = self.synced_usage = self.synced_count = None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.child.stdout:
            if line.startswith(b"SYNCED") and not self.synced.is_set():
                self.synced_at = time.monotonic()
                self.synced_usage = self.usage()
                self.synced_count = int((line.split() + [b"0"])[1])
                self.synced.set()

    def usage(self):
        return usage_of_session(self.child.pid)

    def check(self):
        if self.child.poll() is not None:
            raise RuntimeError(f"the operator ended early with {self.child.returncode}; see {self.log.name}")

    def wait(self, event):
        """Waits for an event while the operator lives."""
        end = time.monotonic() + PHASE_LIMIT
        while not event.wait(0.5):
            self.check()
            if time.monotonic() > end:
                raise TimeoutError("the phase took too long")

    def settle(self):
        """Waits until the operator has used next to no processor for two seconds."""
        quiet, before = 0, self.usage()
        end = time.monotonic() + 120
        while quiet < 4 and time.monotonic() < end:
            time.sleep(0.5)
            now = self.usage()
            quiet = quiet + 1 if now.cpu - before.cpu <= 0.02 else 0
            before = now
        self.check()
        return before

    def stop(self):
        """Ends the operator; returns the seconds that took."""
        began = time.monotonic()
        if self.child.poll() is None:
            os.kill(self.child.pid, signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.log.close()
        return time.monotonic() - began


class Window:
    """What server, store and everything foreign use of the processors during a piece of work."""

    def __init__(self, server):
        self.server = server
        self.began = time.monotonic()
        self.machine = machine_cpu()
        self.cpu = self.read()

    def read(self):
        return {name: cpu_of(pid) for name, pid in self.server.pids.items()} | {"drive": cpu_of(os.getpid())}

    def close(self, operator_cpu=0.0):
        used = {name: after - self.cpu[name] for name, after in self.read().items()}
        foreign = machine_cpu() - self.machine - operator_cpu - sum(used.values())
        figures = {f"{name}_cpu_s": seconds for name, seconds in used.items()}
        return figures | {"foreign_cores": foreign / (time.monotonic() - self.began)}


# ---- Phases


class Bench:
    def __init__(self, server, options):
        self.server = server
        self.count = options.n
        self.workers = options.workers
        self.options = options

    def launch(self, command, mode):
        return Operator(command, self.server, mode, self.workers, self.count)

    def wait_quiet(self):
        """Waits, within bounds, until other processes leave the machine alone."""
        end = time.monotonic() + self.options.quiet_wait
        while time.monotonic() < end:
            window = Window(self.server)
            time.sleep(2)
            if window.close()["foreign_cores"] < 0.2:
                return

    def sync(self, command):
        """From the start of the process until its cache holds all widgets."""
        settle_all(self.server)
        self.wait_quiet()
        before, window = self.server.requests(), Window(self.server)
        operator = self.launch(command, "sync")
        try:
            operator.wait(operator.synced)
            if operator.synced_count not in (0, self.count):
                raise RuntimeError(f"the operator has {operator.synced_count} widgets, not {self.count}")
            settled = operator.settle()
            figures = window.close(settled.cpu)
        finally:
            operator.stop()
        return figures | {
            "synced_s": operator.synced_at - operator.started,
            "synced_cpu_s": operator.synced_usage.cpu,
            "synced_rss_mb": operator.synced_usage.rss,
            "settled_cpu_s": settled.cpu,
            "settled_rss_mb": settled.rss,
            "peak_rss_mb": settled.peak,
            "requests": dict(self.server.requests() - before),
        }

    def reconcile(self, command):
        """From the start of the process until every widget, changed before, has its status written."""
        value = f"r{time.time_ns()}"
        each([name_of(number) for number in range(self.count)], 32, lambda key: set_value(self.server, key, value))
        version = self.server.list()[1]
        self.server.await_memory(version)
        self.wait_quiet()
        seen = {}
        events = [0]
        done = threading.Event()

        def see(widget, at):
            events[0] += 1
            if widget.get("status", {}).get("observed") == value:
                seen.setdefault(key_of(widget), at)
                if len(seen) == self.count:
                    done.set()

        watch = Watch(self.server, version, see)
        before, window = self.server.requests(), Window(self.server)
        operator = self.launch(command, "reconcile")
        try:
            operator.wait(done)
            usage = operator.usage()
            figures = window.close(usage.cpu)
            operator.settle()
            requests = dict(self.server.requests() - before)
        finally:
            stop = operator.stop()
            watch.close()
        first, last = min(seen.values()), max(seen.values())
        return figures | {
            "all_s": last - operator.started,
            "first_write_s": first - operator.started,
            "writes_per_s": (self.count - 1) / (last - first),
            "operator_cpu_s": usage.cpu,
            "peak_rss_mb": usage.peak,
            "events_per_object": events[0] / self.count,
            "requests": requests,
            "stop_s": stop,
        }

    def latency(self, command):
        """Steady updates, each of another widget, sent whether or not those before are done."""
        settle_all(self.server)
        operator = self.launch(command, "reconcile")
        try:
            operator.wait(operator.synced)
            operator.settle()
            self.wait_quiet()
            version = self.server.list()[1]
            self.server.await_memory(version)
            return self.updates(operator, version)
        finally:
            operator.stop()

    def updates(self, operator, version):
        rate, seconds = self.options.rate, self.options.seconds
        total = rate * seconds
        keys = random.sample([name_of(number) for number in range(self.count)], min(self.count, total))
        prefix = f"l{time.time_ns()}-"
        sent, told, written = {}, {}, {}
        done = threading.Event()

        def see(widget, at):
            value = widget["spec"]["value"]
            if not value.startswith(prefix):
                return
            told.setdefault(value, at)
            if widget.get("status", {}).get("observed") == value:
                written.setdefault(value, at)
                if len(written) == total:
                    done.set()

        watch = Watch(self.server, version, see)
        tasks = queue.SimpleQueue()

        def update():
            while task := tasks.get():
                key, value = task
                sent[value] = time.monotonic()
                set_value(self.server, key, value)

        senders = [threading.Thread(target=update, daemon=True) for _ in range(32)]
        for sender in senders:
            sender.start()
        before, window, start = operator.usage(), Window(self.server), time.monotonic()
        for number in range(total):
            time.sleep(max(0, start + number / rate - time.monotonic()))
            tasks.put((keys[number % len(keys)], f"{prefix}{number}"))
        done.wait(30)
        usage = operator.usage()
        figures = window.close(usage.cpu - before.cpu)
        for _ in senders:
            tasks.put(None)
        watch.close()
        for name, since in (("seen", told), ("send", sent)):
            delays = sorted((at - since[value]) * 1000 for value, at in written.items())
            for share in (50, 90, 99):
                figures[f"{name}_p{share}_ms"] = delays[int(share / 100 * (len(delays) - 1))]
        return figures | {
            "not_written": total - len(written),
            "operator_cpu_s": usage.cpu - before.cpu,
            "rss_mb": usage.rss,
        }

    def idle(self, command):
        """Everything is settled and nothing happens."""
        settle_all(self.server)
        operator = self.launch(command, "reconcile")
        try:
            operator.wait(operator.synced)
            operator.settle()
            before, window = operator.usage(), Window(self.server)
            time.sleep(self.options.idle)
            usage = operator.usage()
            figures = window.close(usage.cpu - before.cpu)
        finally:
            operator.stop()
        return figures | {
            "idle_cpu_percent": (usage.cpu - before.cpu) / self.options.idle * 100,
            "idle_rss_mb": usage.rss,
            "threads": usage.threads,
        }

    def ceiling(self, connections):
        """No operator: so many connections write statuses as fast as the server takes them."""
        self.wait_quiet()
        end = time.monotonic() + 1 + self.options.seconds
        counted_from = end - self.options.seconds
        turn = iter(range(1 << 62))
        times = []

        def write(_):
            connection = self.server.connect()
            while (began := time.monotonic()) < end:
                number = next(turn)
                path = path_of(*name_of(number % self.count)) + "/status"
                connection.request("PATCH", path, status_patch(f"c{number}"), MERGE_PATCH)
                if began >= counted_from:
                    times.append(time.monotonic() - began)
            connection.close()

        window = Window(self.server)
        each(range(connections), connections, write)
        figures = window.close()
        times.sort()
        return figures | {
            "writes_per_s": len(times) / self.options.seconds,
            "p50_ms": times[len(times) // 2] * 1000,
            "p99_ms": times[int(0.99 * (len(times) - 1))] * 1000,
        }


# ---- Results


def median(runs):
    """The median of each figure; what is no number comes from the first run."""
    return {
        name: round(statistics.median(run[name] for run in runs), 3) if isinstance(value, (int, float)) else value
        for name, value in runs[0].items()
    }


def tell(options, phase, name, runs):
    result = {"phase": phase, "name": name, "n": options.n, "workers": options.workers, "runs": len(runs)}
    result |= {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count()} | median(runs)
    print(json.dumps(result), flush=True)
    if options.out:
        with open(options.out, "a") as out:
            out.write(json.dumps(result) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cluster", type=pathlib.Path, required=True, help="the folder that run made")
    parser.add_argument("--operator", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--phases", default="sync,reconcile,latency,idle,ceiling")
    parser.add_argument("--n", type=int, default=10000, help="widgets")
    parser.add_argument("--workers", type=int, default=10, help="reconciles at the same time")
    parser.add_argument("--connections", default="1,8,32", help="of the ceiling")
    parser.add_argument("--runs", type=int, default=3, help="repetitions of each phase")
    parser.add_argument("--rate", type=int, default=50, help="updates a second of the latency phase")
    parser.add_argument("--seconds", type=int, default=30, help="of the latency and ceiling phases")
    parser.add_argument("--idle", type=int, default=60, help="seconds of the idle phase")
    parser.add_argument("--quiet-wait", type=float, default=60, help="longest wait for a quiet machine, in seconds")
    parser.add_argument("--out", help="append results to this file, one JSON object a line")
    options = parser.parse_args()
    operators = dict(operator.split("=", 1) for operator in options.operator)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    bench = Bench(Server(options.cluster), options)
    seed(bench.server, options.n)
    for phase in options.phases.split(","):
        if phase == "ceiling":
            for connections in map(int, options.connections.split(",")):
                runs = [bench.ceiling(connections) for _ in range(options.runs)]
                tell(options, phase, f"{connections} connections", runs)
            continue
        runs = collections.defaultdict(list)
        for _ in range(options.runs):
            for name, command in operators.items():
                runs[name].append(getattr(bench, phase)(command))
        for name in operators:
            tell(options, phase, name, runs[name])


if __name__ == "__main__":
    main()
