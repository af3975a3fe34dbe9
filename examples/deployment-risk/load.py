#!/usr/bin/python3
"""Sends rows of a CSV as prediction requests at a steady rate and counts what comes back.

The pace does not wait for the answers (open loop): request i is due at start + i / rate, and its
latency counts from then. Each request is a batch of one whose id is the row's. A connection kept
open that turns out closed before any byte of an answer is opened again, once, as HTTP clients do;
`reconnects` counts these.
"""
import argparse
import csv
import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from array import array
from collections import Counter
from urllib.parse import urlsplit

NUMBERS = ("files_changed", "time_of_day", "previous_failures")
TEXTS = ("environment", "team")
NO_VERSION = "-"                        # an answer without X-Linnet-Version


class Stale(ConnectionError):
    """A kept connection was closed before any byte of the answer."""


def body(row):
    """The infer request for one row of the CSV."""
    inputs = [{"name": name, "datatype": "INT64", "shape": [1], "data": [int(row[name])]}
              for name in NUMBERS]
    inputs += [{"name": name, "datatype": "BYTES", "shape": [1], "data": [row[name]]}
               for name in TEXTS]
    return json.dumps({"id": row["id"], "inputs": inputs}, separators=(",", ":")).encode()


def requests(url, model, path, seed):
    """[(id, bytes to send)] for all rows of the CSV at `path`, shuffled by `seed`."""
    target = f"{url.path.rstrip('/')}/v2/models/{model}/infer"
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(row["id"], body(row)) for row in csv.DictReader(file)]
    random.Random(seed).shuffle(rows)
    head = (f"POST {target} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            "Content-Type: application/json\r\nContent-Length: ")
    return [(row_id, f"{head}{len(data)}\r\n\r\n".encode() + data) for row_id, data in rows]


class Connection:
    """One HTTP/1.1 connection, opened when needed and kept open."""

    def __init__(self, address, timeout):
        self.address, self.timeout = address, timeout
        self.socket = self.file = None
        self.reconnects = 0

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def call(self, data):
        """(status, version, body) of the answer; raises OSError or ValueError."""
        try:
            kept = self.socket is not None
            try:
                return self._exchange(data)
            except Stale:
                self.close()
                if not kept:
                    raise
                self.reconnects += 1
                return self._exchange(data)
        except (OSError, ValueError):
            self.close()
            raise

    def _open(self):
        self.socket = socket.create_connection(self.address, self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def _exchange(self, data):
        if self.socket is None:
            self._open()
        try:
            self.socket.sendall(data)
            first = self.file.readline(1000)
        except (BrokenPipeError, ConnectionResetError):
            raise Stale("reset") from None
        if not first:
            raise Stale("closed")
        status, headers = int(first.split(None, 2)[1]), self._headers()
        length = int(headers.get(b"content-length", -1))
        content = self.file.read(length)
        if len(content) < length:
            raise ConnectionError("answer cut short")
        if length < 0 or headers.get(b"connection", b"").lower() == b"close":
            self.close()
        return status, headers.get(b"x-linnet-version", NO_VERSION.encode()).decode(), content

    def _headers(self):
        headers = {}
        while (line := self.file.readline(10000)) not in (b"\r\n", b"\n"):
            name, colon, value = line.partition(b":")
            if not colon:
                raise ConnectionError("answer cut short")
            headers[name.lower()] = value.strip()
        return headers


class Counts:
    """What came back, over some time; latencies are seconds."""

    def __init__(self):
        self.answers = Counter()                    # (version, status): how many
        self.transport = Counter()                  # name of the exception: how many
        self.mismatched = 0                         # 200, but the id of another request
        self.latencies = array("d")

    @property
    def total(self):
        return self.answers.total() + self.transport.total()

    @property
    def ok(self):
        good = sum(n for (_, status), n in self.answers.items() if status == 200)
        return good - self.mismatched

    def add(self, other):
        self.answers += other.answers
        self.transport += other.transport
        self.mismatched += other.mismatched
        self.latencies.extend(other.latencies)


def percentiles(latencies, *points):
    """{p: milliseconds}, by nearest rank; 0 where nothing was measured."""
    ordered = sorted(latencies) or [0.0]
    last = len(ordered) - 1
    return {p: round(1000 * ordered[round(p / 100 * last)], 2) for p in points}


class Load:
    """The workers and what they counted. `taken` is under `lock`."""

    def __init__(self, arguments):
        url = urlsplit(arguments.url)
        self.requests = requests(url, arguments.model, arguments.data, arguments.seed)
        self.rate, self.seconds = arguments.rate, arguments.seconds
        address = (url.hostname, url.port or 80)
        self.connections = [Connection(address, arguments.timeout)
                            for _ in range(arguments.connections)]
        self.numbers, self.lock, self.stop = itertools.count(), threading.Lock(), threading.Event()
        self.taken, self.all = Counts(), Counts()

    def work(self, connection):
        """Sends whichever request is due next, until the time is over."""
        for number in self.numbers:                 # shared: each worker gets the next number
            due = self.start + number / self.rate
            if self.seconds and number >= self.rate * self.seconds:
                break
            if self.stop.wait(max(0.0, due - time.monotonic())):
                break
            self.one(connection, *self.requests[number % len(self.requests)], due)
        connection.close()

    def one(self, connection, row_id, data, due):
        """Sends one request and counts the outcome."""
        try:
            status, version, content = connection.call(data)
            echoed = status != 200 or json.loads(content).get("id") == row_id
        except (OSError, ValueError) as error:
            with self.lock:
                self.taken.transport[type(error).__name__] += 1
            return
        with self.lock:
            self.taken.answers[version, status] += 1
            self.taken.mismatched += not echoed
            self.taken.latencies.append(time.monotonic() - due)

    def take(self):
        """What was counted since the last call; it is also added to `all`."""
        with self.lock:
            counts, self.taken = self.taken, Counts()
        self.all.add(counts)
        return counts

    def run(self):
        """Runs until the time is over or SIGINT or SIGTERM; prints a line a second."""
        self.start = time.monotonic()
        workers = [threading.Thread(target=self.work, args=(connection,))
                   for connection in self.connections]
        for worker in workers:
            worker.start()
        try:
            for second in itertools.count(1):
                time.sleep(max(0.0, self.start + second - time.monotonic()))
                print(line(second, self.take()), flush=True)
                if not any(worker.is_alive() for worker in workers):
                    break
        except KeyboardInterrupt:
            pass
        self.stop.set()
        for worker in workers:
            worker.join()
        self.take()

    def summary(self):
        """All that was counted, as a document."""
        counts, versions, errors = self.all, Counter(), {}
        for (version, status), number in sorted(counts.answers.items()):
            versions[version] += number
            if status != 200:
                errors.setdefault(str(status), {})[version] = number
        points = percentiles(counts.latencies, 50, 90, 95, 99, 100)
        return {"seconds": round(time.monotonic() - self.start, 1), "rate": self.rate,
                "total": counts.total, "ok": counts.ok, "versions": versions,
                "http_errors": errors, "transport_errors": counts.transport,
                "mismatched": counts.mismatched,
                "reconnects": sum(connection.reconnects for connection in self.connections),
                "latency_ms": {f"p{p}" if p < 100 else "max": ms for p, ms in points.items()}}


def line(second, counts):
    """`t=12s 200/s v1 95% v2 5% errors 0 p50 2.1ms p95 6ms`"""
    versions = Counter()
    for (version, _), number in counts.answers.items():
        versions[version] += number
    shares = [f"{version} {100 * number / versions.total():.0f}%"
              for version, number in sorted(versions.items())]
    points = percentiles(counts.latencies, 50, 95)
    return " ".join([f"t={second}s", f"{counts.total}/s", *shares,
                     f"errors {counts.total - counts.ok}",
                     f"p50 {points[50]:.1f}ms", f"p95 {points[95]:.1f}ms"])


def save(summary, path):
    """Prints the summary, and writes it to `path`, where given, all at once."""
    print(json.dumps(summary), flush=True)
    if path:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(summary, file, indent=1)
        os.replace(f"{path}.new", path)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:9000/production/deployment-risk")
    parser.add_argument("--model", default="deployment-risk")
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--seconds", type=float, default=0, help="0: until SIGTERM or SIGINT")
    parser.add_argument("--data", required=True, help="a CSV of generate.py")
    parser.add_argument("--seed", type=int, default=7, help="the order of the rows")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--timeout", type=float, default=5, help="seconds to wait for bytes")
    parser.add_argument("--summary", help="write the summary to this file too")
    arguments = parser.parse_args()
    if arguments.rate <= 0 or arguments.seconds < 0 or arguments.connections < 1:
        parser.error("--rate and --connections are above zero, --seconds is not negative")
    return arguments


def main():
    arguments = parse_arguments()
    load = Load(arguments)
    if not load.requests:
        sys.exit(f"{arguments.data}: no rows")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    load.run()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    save(load.summary(), arguments.summary)


if __name__ == "__main__":
    main()
