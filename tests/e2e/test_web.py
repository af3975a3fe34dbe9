"""The web side of a real controller: every endpoint during a rollout, the webhook, the token, floods."""

import hashlib
import hmac
import html.parser
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import unittest

from world import BIN, HERE, Load, World, free_port, stay, wait

SECRET = "a-secret-of-the-webhook-test"
TOKEN = "a-token-of-the-readers-test"
KICKED = """\
  data: {uri: "file:none.csv", label: y}
  train: {command: [python3, train.py], source: apps/echo, candidates: [{name: one}]}
  triggers: [{event: platform-update}]
  automation: {retrain: manual}
  gates: {policy: unguarded}
"""
GUARDS = ("beats-baseline", "balanced-accuracy", "every-class-predicted", "recall-floors",
          "changed-predictions", "suspicious-improvement", "leakage")
UNGUARDED = """\
apiVersion: linnet.dev/v1alpha1
kind: GatePolicy
metadata: {name: unguarded}
spec: {guards: {%s}}
""" % ", ".join(f"{name}: {{disabled: there is no data}}" for name in GUARDS)


class Page(html.parser.HTMLParser):
    """Whether each tag is closed as it was opened, and what the page names."""

    VOID = {"meta", "link", "img", "input", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.named, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        for key, value in attrs:
            assert key != "style" and not key.startswith("on"), (tag, key)
            if key in ("src", "href") and value.startswith("/"):
                self.named.append(value)
            if key == "id":
                self.ids.append(value)
            if key in ("aria-labelledby", "for"):
                self.named.append("#" + value)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"


class WebTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.port = free_port()
        self.secret = self.world.home / "webhook"
        self.secret.write_text(SECRET + "\n")
        self.addCleanup(self.world.close)

    def configure(self, web="", poll="500ms"):
        text = self.world.config.read_text().replace("poll: 500ms", f"poll: {poll}")
        self.world.config.write_text(
            text + f'web: {{listen: "127.0.0.1:{self.port}", webhookSecretFile: "{self.secret}"{web}}}\n')

    def serve_v1(self):
        self.world.declare("v1")
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))

    def ask(self, path, method="GET", body=None, headers=None):
        """(status, headers, text); status 0 while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()
        except OSError:
            return 0, {}, ""
        finally:
            connection.close()

    def metric(self, name, text=None):
        """A figure of /metrics, of a text of it or as it is now."""
        for line in (text or self.ask("/metrics")[2]).splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None

    def hook(self, body, signed=None, query="", header="X-Hub-Signature-256"):
        signed = body if signed is None else signed
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return self.ask("/webhook" + query, "POST", body, {header: "sha256=" + digest})[0]

    def follow(self, seen):
        """Adds the events of one stream to `seen` until it is closed."""
        with socket.create_connection(("127.0.0.1", self.port), 120) as stream:
            stream.sendall(b"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for chunk in iter(lambda: stream.recv(65536), b""):
                seen.append(chunk.decode())

    def test_every_endpoint_during_a_rollout(self):
        self.configure()
        self.world.declare("v1")
        self.world.start()
        wait(10, "health", lambda: self.ask("/healthz")[0] == 200)
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        wait(10, "ready", lambda: self.ask("/readyz")[::2] == (200, "ready\n"))
        seen = []
        threading.Thread(target=self.follow, args=(seen,), daemon=True).start()
        with Load(self.world.port):
            self.world.declare("v2", edit=stay)
            row = wait(30, "a canary", self.in_canary)
            self.assertEqual((row["environment"], row["name"], row["model"]), ("prod", "echo", "echo"))
            self.assertEqual(row["stable"]["version"], "v1")
            self.assertEqual(row["candidate"]["version"], "v2")
            self.assertAlmostEqual(row["stable"]["weight"] + row["candidate"]["weight"], 1)
            whole = wait(30, "evidence with its interval", self.judged)
            self.assertEqual(whole["status"]["kind"], "ModelStatus")
            self.assertLessEqual(whole["evidence"]["candidate"]["low"],
                                 whole["evidence"]["candidate"]["high"])
            self.assertEqual(len(whole["rollout"]["steps"]), 3)
            self.assertEqual(self.metric('linnet_serving_weight_ratio{environment="prod",'
                                         'deployment="echo",arm="candidate"}') is None, False)
            self.world.edit("minRequests: 100000", "minRequests: 40", "go on")
            wait(60, "v2 is steady", lambda: self.world.is_steady("v2"))
        whole = wait(10, "the page is as far as Git", lambda: self.whole_at("Steady"))
        self.assertEqual([p["weight"] for p in whole["trail"]], [0, 0.05, 0.25, 1])
        self.assertEqual(whole["status"]["history"][0]["what"], "promoted (v2)")
        self.assertEqual(self.ask("/api/v1/models/echo")[0], 200)
        self.assertEqual(self.ask("/api/v1/deployments/prod/other")[0], 404)
        wait(10, "the stream told of it", lambda: '"phase":"Promoting"' in "".join(seen))
        self.assertIn("event: deployment\ndata: {", "".join(seen))
        self.check_metrics()

    def fleet(self):
        text = self.ask("/api/v1/fleet")[2]
        return json.loads(text)["deployments"]

    def in_canary(self):
        row = self.fleet()[0]
        return row["phase"] == "Canary" and row

    def whole(self):
        return json.loads(self.ask("/api/v1/deployments/prod/echo")[2])

    def judged(self):
        whole = self.whole()
        return "share" in whole["evidence"]["candidate"] and whole

    def whole_at(self, phase):
        whole = self.whole()
        return whole["deployment"]["phase"] == phase and whole

    def check_metrics(self):
        status, headers, text = self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(text.endswith("# EOF\n"))
        for name, least in (("linnet_reconcile_duration_seconds_count", 5),
                            ("linnet_plan_duration_seconds_count", 5),
                            ('linnet_plan_actions_total{action="start-replica"}', 3),
                            ("linnet_git_status_commits_total", 3),
                            ("linnet_git_looks_total", 2),
                            ("linnet_serving_observe_duration_seconds_count", 5),
                            ('linnet_rollout_phase_entries_total{phase="Promoting"}', 2),
                            ('linnet_rollout_deployments{phase="Steady"}', 1),
                            ('linnet_training_models{phase="Idle"}', 1),
                            ("linnet_git_ok", 1)):
            self.assertGreaterEqual(self.metric(name) or 0, least, name)

    def test_the_page_is_well_formed_and_whole(self):
        self.configure()
        self.world.declare("none")
        self.world.start()
        wait(10, "the page", lambda: self.ask("/")[0] == 200)
        _, headers, text = self.ask("/")
        self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", headers["Content-Security-Policy"])
        page = Page()
        page.feed(text)
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.ids), len(set(page.ids)))
        for name in page.named:
            if name[0] == "#":
                self.assertTrue(name[1:] in page.ids or name == "#detail-title", name)
            else:
                self.assertEqual(self.ask(name)[0], 200, name)

    def test_a_webhook_makes_a_fetch_happen_at_once(self):
        self.configure(poll="10m")
        (self.world.fleet / "manifests/model.yaml").write_text(
            (self.world.fleet / "manifests/model.yaml").read_text() + KICKED)
        self.world.write("manifests/policy.yaml", UNGUARDED)
        self.serve_v1()
        with Load(self.world.port):
            self.world.declare("v2")
            time.sleep(1.5)         # nothing looks for ten minutes
            self.assertEqual(self.fleet()[0]["phase"], "Steady")
            self.assertEqual(self.hook(b'{"ref": "refs/heads/main"}', b"{}"), 403)
            self.assertEqual(self.ask("/webhook", "POST", b"{}")[0], 401)
            time.sleep(0.5)
            self.assertEqual(self.fleet()[0]["phase"], "Steady")
            told = time.monotonic()
            self.assertEqual(self.hook(b'{"ref": "refs/heads/main"}'), 202)
            wait(10, "the rollout begins", lambda: self.fleet()[0]["phase"] != "Steady")
            print(f"measured: webhook to the first phase {time.monotonic() - told:.2f} s (poll 10 min)")
        for result, n in (("accepted", 1), ("bad_signature", 1), ("unsigned", 1)):
            self.assertEqual(self.metric(f'linnet_webhook_requests_total{{result="{result}"}}'), n)
        self.check_event()

    def check_event(self):
        """A named event is a kick of the model that waits for it; its name must be signed."""
        plain = "X-Linnet-Signature"
        self.assertEqual(self.hook(b"", b"", "?event=platform-update", plain), 403)
        self.assertEqual(self.hook(b"", b"platform-update\n", "?event=platform-update"), 401)
        for n in (1, 2):            # two of one name are two causes; another one takes none away
            for name in ("unknown", "platform-update", "unknown-too"):
                self.assertEqual(
                    self.hook(b"", f"{name}\n".encode(), f"?event={name}", plain), 202)
            wait(30, f"kick {n} is recorded", lambda: len(self.kicks()) == n)
        self.assertEqual(len(set(self.kicks())), 2)
        for why in self.kicks():
            self.assertRegex(why, "^platform-update by webhook at 20[-0-9]+T[:.0-9]+Z$")
        body = b"platform-update\n"        # less than 5 s after the last: it waits for its turn
        self.assertEqual(self.hook(b"", body, "?event=platform-update", plain), 202)
        self.world.kill()
        self.world.start()
        wait(30, "what was accepted is not lost", lambda: len(set(self.kicks())) == 3)
        wait(10, "and no longer kept", lambda: not (self.world.state / "events").read_text())

    def kicks(self):
        status, _, text = self.ask("/api/v1/models/echo")
        history = json.loads(text)["status"].get("history", []) if status == 200 else []
        return [entry["why"] for entry in history if entry["what"] == "kicked"]

    def test_elsewhere_is_listened_on_only_with_a_token(self):
        self.configure()
        text = self.world.config.read_text().replace(f'"127.0.0.1:{self.port}"',
                                                     f'"0.0.0.0:{self.port}"')
        self.world.config.write_text(text)
        self.world.declare("none")
        refused = subprocess.run([BIN / "linnet-controller", "--config", self.world.config],
                                 capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("web.tokenFile", refused.stderr)
        token = self.world.home / "token"
        token.write_text("short\n")
        self.world.config.write_text(text.replace("web: {", f'web: {{tokenFile: "{token}", '))
        refused = subprocess.run([BIN / "linnet-controller", "--config", self.world.config],
                                 capture_output=True, text=True, timeout=120, check=False)
        self.assertIn("shorter than", refused.stderr)
        token.write_text(TOKEN + "\n")
        self.world.start()
        wait(10, "health needs none", lambda: self.ask("/healthz")[0] == 200)
        for path in ("/metrics", "/api/v1/fleet", "/api/v1/events", "/api/v1/models/echo"):
            self.assertEqual(self.ask(path)[0], 401, path)
        allowed = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(self.ask("/metrics", headers=allowed)[0], 200)
        self.assertEqual(self.ask("/api/v1/fleet", headers=allowed)[0], 200)
        token.write_text("another-" + TOKEN + "\n")
        self.secret.write_text("another-" + SECRET + "\n")
        renewed = {"Authorization": f"Bearer another-{TOKEN}"}
        wait(10, "another token", lambda: self.ask("/metrics", headers=renewed)[0] == 200)
        self.assertEqual(self.ask("/metrics", headers=allowed)[0], 401)
        wait(10, "another secret", lambda: self.ask("/webhook", "POST", b"", {
            "X-Gitlab-Token": "another-" + SECRET})[0] == 202)
        self.assertEqual(self.ask("/webhook", "POST", b"", {"X-Gitlab-Token": SECRET})[0], 403)
        token.unlink()
        wait(10, "the log tells", lambda: "counts on" in self.world.log.read_text())
        self.assertEqual(self.ask("/metrics", headers=renewed)[0], 200)
        found = subprocess.run(["grep", "-rlE", f"{TOKEN}|{SECRET}", self.world.state, self.world.log],
                               capture_output=True, text=True, check=False).stdout
        self.assertEqual(found, "")
        shown = subprocess.run([BIN / "linnet-controller", "--config", self.world.config,
                                "--print-config"], capture_output=True, text=True, check=True).stdout
        for key in ('web.listen: "0.0.0.0', "web.tokenFile: ", "web.webhookSecretFile: "):
            self.assertIn(key, shown)
        self.assertNotIn(TOKEN, shown)

    def test_a_flood_of_slow_clients_delays_no_rollout(self):
        self.configure()
        self.serve_v1()
        sockets, stopping = [], threading.Event()

        def flood():
            while not stopping.is_set():
                try:
                    slow = socket.create_connection(("127.0.0.1", self.port), 1)
                    slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
                    sockets.append(slow)
                    if len(sockets) > 300:
                        sockets.pop(0).close()
                except OSError:
                    time.sleep(0.05)
                time.sleep(0.005)

        threads = [threading.Thread(target=flood, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            with Load(self.world.port) as load:
                self.world.declare("v2")
                wait(90, "v2 is steady", lambda: self.world.is_steady("v2"))
            self.assertEqual(load.failed_by_linnet(), {})
        finally:
            stopping.set()
            for thread in threads:
                thread.join(5)
            for slow in sockets:
                slow.close()
        wait(60, "it answers again", lambda: self.ask("/healthz")[0] == 200)
        text = self.ask("/metrics")[2]
        self.assertEqual(self.metric('linnet_reconcile_duration_seconds_bucket{le="10.0"}', text),
                         self.metric("linnet_reconcile_duration_seconds_count", text))

    @unittest.skipUnless(shutil.which("node"), "node is not here")
    def test_the_page_shows_what_the_controller_says(self):
        self.configure()
        self.serve_v1()
        script = pathlib.Path(HERE).parent / "web" / "show.mjs"
        shown = subprocess.run(["node", script, f"http://127.0.0.1:{self.port}", "prod/echo"],
                               capture_output=True, text=True, timeout=240, check=False,
                               env={**os.environ, "NODE_EXTRA_CA_CERTS": ""})
        self.assertEqual(shown.returncode, 0, shown.stderr)
        for text in ("1 deployment: 1 as declared.", "v1 100 %", "promoted (v1)"):
            self.assertIn(text, shown.stdout)


if __name__ == "__main__":
    unittest.main()
