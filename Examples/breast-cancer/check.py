#!/usr/bin/env python3
"""Compares the model server's answers with scikit-learn's own, for every row and every version.

    check.py .build/release/model-server

Starts the program with each model file that train.py wrote, sends it the rows over HTTP, and compares the class and
the probabilities with those that scikit-learn gave before the model was exported.
"""

import http.client
import json
import pathlib
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "out"
# Both compute in double precision and add up in different orders; v3's sums are of the order of 1000.
TOLERANCE = 1e-9


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def wait_until_ready(server, port):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if ask(port, "GET", "/v2/health/ready")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("check.py: the model server does not get ready")


def compare(program, label):
    model = json.loads((OUT / f"{label}.json").read_text(encoding="utf-8"))
    expected = json.loads((OUT / f"{label}.expected.json").read_text(encoding="utf-8"))
    rows = (OUT / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    port = free_port()
    server = subprocess.Popen([program, f"--model-file={OUT / label}.json", "--address=127.0.0.1", f"--port={port}",
                               "--drain=0s", "--log-level=warning"])
    try:
        wait_until_ready(server, port)
        worst = 0.0
        for number, (row, (classed, probabilities)) in enumerate(zip(rows, expected, strict=True)):
            status, answer = ask(port, "POST", f'/v2/models/{model["name"]}/infer', row)
            if status != 200:
                sys.exit(f"check.py: {label}, row {number}: HTTP {status}, {answer.decode()}")
            reply = json.loads(answer)
            outputs = {output["name"]: output["data"] for output in reply["outputs"]}
            if reply["model_version"] != model["version"] or outputs["label"] != [classed]:
                sys.exit(f'check.py: {label}, row {number}: {reply["model_version"]} says {outputs["label"]}, '
                         f"scikit-learn says {classed}")
            worst = max(worst, *(abs(a - b) for a, b in zip(outputs["probabilities"], probabilities, strict=True)))
        if not worst <= TOLERANCE:
            sys.exit(f"check.py: {label}: a probability differs from scikit-learn's by {worst}")
        print(f"{label}: {len(rows)} rows answered as scikit-learn does, probabilities equal to within {worst:.0e}")
    finally:
        server.terminate()
        server.wait(20)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for label in ("v1", "v2", "v3"):
        compare(sys.argv[1], label)


if __name__ == "__main__":
    main()
