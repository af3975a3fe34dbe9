"""A fleet on this machine for one test: real Git, the real controller, HAProxy, real model servers.

Nothing here sleeps for a fixed time to let something happen: `wait` polls a condition to a deadline.
"""

import contextlib
import hashlib
import http.client
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("LINNET_BIN", HERE.parent.parent / "build"))

os.environ.setdefault("GIT_AUTHOR_EMAIL", "ada@example.com")  # who asks

ENVIRONMENT = """\
apiVersion: linnet.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec: {serving: {local: {}}, maturity: mature}
"""

MODEL = """\
apiVersion: linnet.dev/v1alpha1
kind: Model
metadata: {name: echo}
spec:
  interface:
    layout: columns
    inputs: [{name: x, type: INT64}]
    output: {name: y, type: BYTES, classes: [even, odd]}
  serve: {command: [python3, serve.py], source: apps/echo}
"""

VERSION = """\
apiVersion: linnet.dev/v1alpha1
kind: ModelVersion
metadata: {name: echo-%(version)s}
spec:
  model: echo
  version: %(version)s
  artifact: {digest: "sha256:%(digest)s"}
  serve: {command: [python3, serve.py], source: apps/echo, tree: "%(tree)s"}
"""

DEPLOYMENT = """\
apiVersion: linnet.dev/v1alpha1
kind: ModelDeployment
metadata: {name: echo, namespace: prod}
spec:
  model: echo
  version: %(version)s        # the line that a promotion changes
  replicas: 2
  startTimeout: 60s
  drainTimeout: 3s
%(extra)s  rollout:
    steps:
      - {weight: 5%%, minRequests: 40, minDuration: 1s}
      - {weight: 25%%, minRequests: 40, minDuration: 1s}
      - {weight: 100%%}
    analysis:
      errors: {max: 10%%}
      latency: {margin: 100%%, floor: 2s}
      warmup: {duration: 0s, requests: 5}
    keepPrevious: 2s
    deadline: 5m
"""


def stay(text):
    """A rollout that stays at its first step."""
    return text.replace("minRequests: 40, minDuration: 1s", "minRequests: 100000, minDuration: 1s",
                        1)


def free_port():
    """A port that neither the kernel gives to a connection meanwhile nor Linnet to a model server."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, 20000)))
                return probe.getsockname()[1]
            except OSError:
                continue


PATIENCE = 6    # a machine that is busy with other things may take so many times as long


def wait(seconds, what, condition):
    """The first true value of `condition`, polled. `seconds` is what a quiet machine needs at most:
    a limit that ends a failed test, never a measure of how fast something is (hack/bench-serving)."""
    deadline = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE * seconds} s: {what}")


def slay(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


class World:
    """One fleet repository with a checkout, one state folder, at most one controller."""

    def __init__(self, settings="", environment=ENVIRONMENT, url=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="linnet-e2e."))
        self.home.chmod(0o711)      # where we are root, for the user of model servers
        self.port = free_port()
        self.remote, self.fleet = self.home / "fleet.git", self.home / "fleet"
        self.state, self.store = self.home / "state", self.home / "store"
        self.log = self.home / "controller.log"
        self.controller = None
        self.digest = self.store_artifact({"model.json": b"{}"})
        self.git(self.home, "init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git(self.home, "init", "-q", "-b", "main", str(self.fleet))
        self.git(self.fleet, "remote", "add", "origin", str(self.remote))
        self.config = self.home / "linnet.yaml"
        self.config.write_text(
            f'fleet: {{url: "{url or self.remote}", path: manifests, poll: 500ms{settings}}}\n'
            f"state: {self.state}\nstore: {self.store}\n"
            f"secrets: {{dir: {self.home / 'secrets'}}}\n"
            f'data: {{root: {self.home}}}\nlocal: {{listen: "127.0.0.1:{self.port}"}}\n')
        self.write("manifests/environment.yaml", environment)
        self.write("manifests/model.yaml", MODEL)

    def close(self, keep=False):
        self.stop()
        subprocess.run([BIN / "linnet-controller", "--config", self.config, "--stop-serving"],
                       stderr=subprocess.DEVNULL, timeout=120, check=False)
        if keep:
            print(f"kept for a look: {self.home}")
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    # ---- Git ----

    def git(self, folder, *args, check=True):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        done = subprocess.run(["git", *who, *args], cwd=folder, text=True, check=False,
                              capture_output=True)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def write(self, path, text):
        file = self.fleet / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def push(self, message):
        """Commits the checkout on top of the remote's branch; the commit's id."""
        self.git(self.fleet, "add", "-A")
        self.git(self.fleet, "commit", "-qm", message)
        self.git(self.fleet, "pull", "-q", "--rebase", "origin", "main", check=False)
        self.git(self.fleet, "push", "-q", "origin", "main")
        return self.git(self.fleet, "rev-parse", "HEAD")

    def declare(self, version, behaviour=None, message=None, extra="", edit=lambda text: text):
        """Commits a version with a serving source of that behaviour, and names it in the deployment;
        `edit` changes the deployment's text."""
        self.git(self.fleet, "pull", "-q", "--rebase", "origin", "main", check=False)
        self.write("apps/echo/serve.py", (HERE / "server.py").read_text())
        self.write("apps/echo/behaviour.json", json.dumps({"version": version, **(behaviour or {})}))
        self.git(self.fleet, "add", "-A")
        tree = self.git(self.fleet, "rev-parse",
                        self.git(self.fleet, "write-tree") + ":apps/echo")
        self.write(f"manifests/echo-{version}.yaml",
                   VERSION % {"version": version, "digest": self.digest, "tree": tree})
        self.write("manifests/deployment.yaml",
                   edit(DEPLOYMENT % {"version": version, "extra": extra}))
        return self.push(message or f"echo {version}")

    def edit(self, old, new, message, path="manifests/deployment.yaml"):
        """Commits one changed text of a file."""
        self.git(self.fleet, "pull", "-q", "--rebase", "origin", "main", check=False)
        text = (self.fleet / path).read_text()
        if old not in text:
            raise AssertionError(f"{path} holds no '{old}'")
        self.write(path, text.replace(old, new))
        return self.push(message)

    def request(self, verb, fields="", target="prod/echo"):
        """Commits a request as the command line does."""
        checkout = self.home / "requests"
        if not checkout.exists():
            self.git(self.home, "init", "-q", "-b", "linnet/requests", str(checkout))
            self.git(checkout, "remote", "add", "origin", str(self.remote))
        if self.git(self.remote, "branch", "--list", "linnet/requests"):
            self.git(checkout, "pull", "-q", "--rebase", "origin", "linnet/requests")
        folder = checkout / "requests" / target
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time_ns() // 1_000_000
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 1000)) + f"{now % 1000:03d}Z"
        (folder / f"{name}-{verb}.yaml").write_text(
            f"apiVersion: linnet.dev/v1alpha1\nkind: Request\nverb: {verb}\n"
            f"by: ada@example.com\n{fields}")
        self.git(checkout, "add", "-A")
        self.git(checkout, "commit", "-qm", verb)
        self.git(checkout, "push", "-q", "origin", "linnet/requests")

    def declared_version(self):
        text = self.git(self.remote, "show", "main:manifests/deployment.yaml")
        return next(line.split()[1] for line in text.splitlines() if "version:" in line
                    and "apiVersion" not in line)

    def store_artifact(self, files):
        """A deterministic ustar in the store; its digest."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in sorted(files):
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(files[name]), 0o644
                tar.addfile(info, io.BytesIO(files[name]))
        digest = hashlib.sha256(out.getvalue()).hexdigest()
        folder = self.store / "sha256"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{digest}.tar").write_bytes(out.getvalue())
        return digest

    # ---- the controller ----

    def start(self, *flags):
        with open(self.log, "ab") as log:
            self.controller = subprocess.Popen(
                [BIN / "linnet-controller", "--config", self.config, *flags], stderr=log)

    def kill(self):
        self.controller.kill()
        self.controller.wait()
        self.controller = None

    def stop(self):
        if self.controller and self.controller.poll() is None:
            self.controller.send_signal(signal.SIGTERM)
            try:
                self.controller.wait(20)
            except subprocess.TimeoutExpired:
                self.controller.kill()
                self.controller.wait()
        self.controller = None

    def status_of(self, name):
        """As `status`, of another deployment."""
        done = subprocess.run([BIN / "linnet", "status", f"prod/{name}", "-o", "json", "--repo",
                               self.remote], capture_output=True, text=True, check=False)
        found = json.loads(done.stdout)["deployments"] if done.returncode == 0 else []
        return found[0] if found else {}

    def status(self):
        """The deployment as `linnet status -o json` says; {} before there is one."""
        done = subprocess.run([BIN / "linnet", "status", "prod/echo", "-o", "json", "--repo",
                               self.remote], capture_output=True, text=True, check=False)
        if done.returncode:
            return {}
        found = json.loads(done.stdout)["deployments"]
        return found[0] if found else {}

    def phase(self):
        return self.status().get("phase")

    def is_steady(self, version):
        status = self.status()
        return status.get("phase") == "Steady" and status.get("stable", {}).get("version") == version

    def quarantined(self, seconds=15):
        """The quarantine, once it is told: a revert may land before the status does."""
        return wait(seconds, "the quarantine is told", lambda: self.status().get("quarantine"))

    def linnet(self, *args):
        """What the command line prints, from the remote alone."""
        return subprocess.run([BIN / "linnet", *args, "--repo", self.remote], capture_output=True,
                              text=True, check=False).stdout

    def history(self):
        return self.linnet("history", "prod/echo", "-n", "100")

    def replicas(self):
        """{pid: environment} of this world's living model servers."""
        found = {}
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                text = (process / "environ").read_text()
                if str(self.state) in text and b"serve.py" in (process / "cmdline").read_bytes():
                    found[int(process.name)] = dict(item.split("=", 1) for item in text.split("\0")
                                                    if "=" in item)
            except (OSError, ValueError):
                continue
        return found

    def pids(self, version):
        return [pid for pid, env in self.replicas().items()
                if env["LINNET_MODEL_VERSION"] == version]

    def kill_replicas(self, version):
        """Kills a version's model servers, also those that the controller ends meanwhile; their ids."""
        return slay(self.pids(version))

    def routers(self):
        """Process ids of this world's HAProxy, the master (nobody's child here) first."""
        found = {}      # pid -> its parent's
        for process in pathlib.Path("/proc").iterdir():
            try:
                if process.name.isdigit() and (process / "comm").read_text() == "haproxy\n" \
                        and os.readlink(process / "cwd") == str(self.state / "haproxy"):
                    stat = (process / "stat").read_text()
                    found[int(process.name)] = int(stat.rpartition(")")[2].split()[1])
            except OSError:
                continue
        return sorted(found, key=lambda pid: found[pid] in found)

    def kill_router(self):
        """The master first; its worker may end of that before its turn."""
        return slay(self.routers())

    def reload_router(self):
        """As an administrator does; a master that is starting ignores the signal."""
        before = self.routers()
        sent = 0

        def is_new():
            nonlocal sent
            if time.monotonic() > sent + 2:
                os.kill(before[0], signal.SIGUSR2)
                sent = time.monotonic()
            return set(self.routers()) - set(before)

        wait(20, "a new worker", is_new)

    def router_weights(self):
        """{port: weight} of the servers that the router would send requests to now; {} while it is
        down."""
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(2)
                admin.connect(str(self.state / "haproxy" / "admin.sock"))
                admin.sendall(b"show stat -1 4 -1\n")
                text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        except OSError:
            return {}
        lines = [line.split(",") for line in text.splitlines() if line]
        column = {name: i for i, name in enumerate(lines[0])}
        return {int(line[column["addr"]].rsplit(":", 1)[1]): int(line[column["weight"]])
                for line in lines[1:] if line[column["status"]].startswith("UP")
                and int(line[column["weight"]]) > 0}

    def weight_of(self, version):
        """Share of the traffic that the router gives to a version's living or dead replicas."""
        weights = self.router_weights()
        total = sum(weights.values())
        ports = {int(env["LINNET_PORT"]) for env in self.replicas().values()
                 if env["LINNET_MODEL_VERSION"] == version}
        return sum(w for port, w in weights.items() if port in ports) / total if total else 0

    def tail(self):
        return self.log.read_text()[-4000:] if self.log.exists() else ""


class Load:
    """A steady load on one deployment from kept connections; counts what comes back."""

    def __init__(self, port, rate=100, threads=4):
        self.port, self.rate, self.threads = port, rate, threads
        self.answers = Counter()     # (status, version) -> n
        self.broken = []             # connections that failed, as text
        self.cut = 0                 # kept connections that were closed instead of an answer
        self.last = {}               # version -> monotonic time of its last answer
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.workers = [threading.Thread(target=self._work, args=(i,), daemon=True)
                        for i in range(threads)]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *ignored):
        self.stopping.set()
        for worker in self.workers:
            worker.join(10)

    def _work(self, index):
        body = json.dumps({"id": "1", "inputs": [
            {"name": "x", "datatype": "INT64", "shape": [1], "data": [4]}]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        pause, due = self.threads / self.rate, time.monotonic() + index / self.rate
        while not self.stopping.is_set():
            due += pause
            self.stopping.wait(max(0.0, due - time.monotonic()))
            try:
                reply = self._ask(connection, body)
                version = reply.headers.get("X-Linnet-Version", "-")
                with self.lock:
                    self.answers[(reply.status, version)] += 1
                    self.last[version] = time.monotonic()
            except OSError as error:
                connection.close()
                with self.lock:
                    self.broken.append(repr(error))
        connection.close()

    def _ask(self, connection, body):
        """One answer; a kept connection that is closed before it is opened again, once, as HTTP
        clients do."""
        kept = connection.sock is not None
        try:
            return self._exchange(connection, body)
        except ConnectionError:
            connection.close()
            if not kept:
                raise
        with self.lock:
            self.cut += 1
        return self._exchange(connection, body)

    def _exchange(self, connection, body):
        connection.request("POST", "/prod/echo/v2/models/echo/infer", body,
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        return reply

    def failed_by_linnet(self, failing=(), killed=0):
        """Answers that are not 200 and that no server of a `failing` version gave. What a server that
        is `killed` had not read yet the router cannot send elsewhere: it closes the connection."""
        with self.lock:
            bad = {f"{status} {version}": n for (status, version), n in self.answers.items()
                   if status != 200 and version not in failing}
            if self.cut > killed * self.threads:
                bad["cut connections"] = self.cut
            if self.broken:
                bad["broken connections"] = self.broken[:3] + [len(self.broken)]
            return bad

    def count(self, version):
        with self.lock:
            return sum(n for (_, v), n in self.answers.items() if v == version)
