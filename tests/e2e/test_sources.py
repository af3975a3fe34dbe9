"""Where linnet-run takes its data from: http, s3 with its signature, pins of DVC."""

import datetime
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

from world import BIN

MODEL = """\
apiVersion: linnet.dev/v1alpha1
kind: Model
metadata: {name: toy}
spec:
  interface:
    inputs: [{name: n, type: INT64, nullable: false}]
    output: {name: y, type: BYTES, classes: [low, high]}
  data: {uri: "https://data.example.com/rows.csv", label: y, id: id, validate: {minRows: 10}}
  train:
    command: ["false"]
    source: app
    candidates: [{name: only, params: {}}]
  serve: {command: [serve], source: app}
"""
ROWS = "id,n,y\n" + "".join(f"r{i},{i},{'high' if i > 100 else 'low'}\n" for i in range(200))
ACCESS, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI", "eu-central-1"


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(handler, secret):
    """What AWS Signature Version 4 says of this request; see "Create a signed AWS API request"."""
    given = handler.headers["Authorization"]
    fields = dict(part.split("=", 1) for part in given.split(" ", 1)[1].replace(" ", "").split(","))
    names = fields["SignedHeaders"].split(";")
    date, region = handler.headers["x-amz-date"], fields["Credential"].split("/")[2]
    headers = "".join(f"{name}:{handler.headers[name].strip()}\n" for name in names)
    payload = handler.headers.get("x-amz-content-sha256") or hashlib.sha256(b"").hexdigest()
    path = urllib.parse.quote(urllib.parse.unquote(handler.path), safe="/~")
    canonical = "\n".join(["GET", path, "", headers, ";".join(names), payload])
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = sign(("AWS4" + secret).encode(), date[:8])
    for part in (region, "s3", "aws4_request"):
        key = sign(key, part)
    return fields["Signature"], hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), names


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = ROWS.encode()
        if self.path.startswith("/bucket/"):
            given, wanted, names = signature(self, SECRET)
            if given != wanted or "host" not in names or "x-amz-date" not in names:
                return self.answer(403, b"SignatureDoesNotMatch")
        if self.path == "/hangs":
            self.server.stop.wait(60)
            return None
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/rows.csv")
            self.end_headers()
            return None
        if self.path == "/short":  # less than it promised
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 10))
            self.end_headers()
            self.wfile.write(body)
            return None
        if self.path == "/endless":  # of unknown length
            self.send_response(200)
            self.end_headers()
            try:
                while not self.server.stop.is_set():
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
            return None
        if self.path.startswith("/gone"):
            return self.answer(404, b"no such thing")
        if self.path == "/later":
            return self.answer(503, b"later")
        return self.answer(200, body)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class SourcesTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="linnet-sources-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "model.yaml").write_text(MODEL)
        (self.folder / "app").mkdir()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.asked, self.server.stop = [], threading.Event()
        self.server.daemon_threads = True
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.stop.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def run_on(self, data, preexec=None, **more):
        """Trains on that data with a trainer that refuses: (why, its snapshot)."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        (self.folder / "spec.json").write_text(json.dumps({
            "run": "sha256:" + "7f" * 32, "model": "toy", "data": str(data),
            "manifest": str(self.folder / "model.yaml"), "source": str(self.folder / "app"),
            "serveSource": str(self.folder / "app"), "store": str(self.folder / "store"),
            "at": "2026-11-21T00:00:00Z", "path": "/usr/bin:/bin", **more}))
        subprocess.run([BIN / "linnet-run", "train", "--spec", self.folder / "spec.json", "--out",
                        out], stdout=subprocess.DEVNULL, timeout=300, check=False,
                       preexec_fn=preexec)
        result = json.loads((out / "train.json").read_text())
        return result["why"], (out / "data")

    def check_taken(self, data, **more):
        why, snapshot = self.run_on(data, **more)
        self.assertIn("the trainer refused", why)
        self.assertEqual(snapshot.read_text(), ROWS)

    def check_refused(self, says, data, **more):
        why, snapshot = self.run_on(data, **more)
        self.assertIn(says, why)
        self.assertFalse(snapshot.exists(), "half a snapshot")

    def test_http(self):
        right = hashlib.sha256(ROWS.encode()).hexdigest()
        self.check_taken(f"{self.url}/rows.csv")
        self.check_taken(f"{self.url}/rows.csv#sha256:{right}")
        self.check_refused("not as pinned", f"{self.url}/rows.csv#sha256:{'0' * 64}")
        self.check_refused("the answer is 404", f"{self.url}/gone?token=hunter2")
        self.assertNotIn("hunter2", (self.folder / "out" / "train.json").read_text())
        secret = self.url.replace("//", "//user:hunter2@") + "/rows.csv?token=hunter2"
        self.check_refused(f"data: {self.url[7:]}/rows.csv: its digest is sha256:{right}, not as",
                           f"{secret}#sha256:{'0' * 64}")
        self.check_refused("is no pin", f"{secret}#top?token=hunter2")
        for path in (self.folder / "out").rglob("*.json"):
            self.assertNotIn("hunter2", path.read_text())
        self.check_refused("the answer is 503", f"{self.url}/later")
        self.check_refused("the answer is 302", f"{self.url}/elsewhere")
        self.check_refused("is larger than 1048576 bytes", f"{self.url}/endless", dataSize="1Mi")
        self.check_refused("is larger than 100 bytes", f"{self.url}/rows.csv", dataSize="100")
        self.check_refused("/short: ", f"{self.url}/short")
        self.check_refused("/hangs: ", f"{self.url}/hangs", dataTimeout="1s")
        self.assertEqual(self.server.asked.count("/short"), 1)

    def test_a_pin_that_is_none_is_told(self):
        """A pin that nothing checks would be worse than none."""
        wrong, rows, pin = "0" * 64, self.folder / "rows.csv", self.folder / "rows.csv.dvc"
        rows.write_text(ROWS)
        pin.write_text(f"outs:\n- md5: {hashlib.md5(ROWS.encode()).hexdigest()}\n"
                       "  path: rows.csv\n")
        for fragment in (f"SHA256:{wrong}", f"sha-256:{wrong}", f"sha256={wrong}", wrong,
                         f"sha256:{wrong[1:]}", f"sha256:{'A' * 64}", f"md5:{wrong[:32]}"):
            for data in (rows, pin, f"{self.url}/rows.csv"):
                self.check_refused("is no pin; write #sha256: and the 64 digits",
                                   f"{data}#{fragment}")
        for data in (f"{self.url}/rows.csv#top", f"{pin}#rows.csv", "s3://bucket/a#1.csv"):
            self.check_refused("is no pin; write #sha256: and the 64 digits", data)
        self.assertEqual(self.server.asked, [])

    def test_a_name_may_hold_a_number_sign(self):
        right = hashlib.sha256(ROWS.encode()).hexdigest()
        folder = self.folder / "team#1"
        folder.mkdir()
        for rows in (self.folder / "rows#2.csv", folder / "rows.csv"):
            rows.write_text(ROWS)
            self.check_taken(rows)
            self.check_taken(f"{rows}#sha256:{right}")
            self.check_refused("not as pinned", f"{rows}#sha256:{'0' * 64}")

    def test_a_file_that_grows_while_it_is_read(self):
        """What it held when it was opened is the snapshot; what lands later is the next run's."""
        rows = self.folder / "rows.csv"
        rows.write_text("id,n,y\n" + "".join(f"r{i},{i},low\n" for i in range(400000)))
        begun, stop = rows.stat().st_size, threading.Event()

        def grow():
            with open(rows, "a", buffering=1) as file:  # a line a write
                for i in range(400000, 10 ** 9):
                    if stop.is_set():
                        return
                    file.write(f"r{i},{i},high\n")

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            why, snapshot = self.run_on(rows)
        finally:
            stop.set()
            writer.join()
        self.assertIn("the trainer refused", why)
        taken = snapshot.read_bytes()
        self.assertTrue(rows.read_bytes().startswith(taken))
        self.assertTrue(begun <= len(taken) < rows.stat().st_size and taken.endswith(b"\n"))
        stage = json.loads((self.folder / "out" / "stages" / "snapshot.json").read_text())
        self.assertIn(hashlib.sha256(taken).hexdigest(), json.dumps(stage))

    def test_a_disk_that_is_full_before_all_is_copied(self):
        """An error to be tried again, with its cause, and nothing that passes for a snapshot."""
        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails, as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        rows = self.folder / "rows.csv"
        rows.write_text("id,n,y\n" + "".join(f"r{i},{i},low\n" for i in range(200000)))
        for data in (rows, f"{self.url}/endless"):
            why, _ = self.run_on(data, preexec=no_room)
            self.assertIn("File too large", why)
            self.assertFalse((self.folder / "out" / "stages" / "snapshot.json").exists())
            self.assertFalse((self.folder / "out" / "rows").exists())
            result = json.loads((self.folder / "out" / "train.json").read_text())
            self.assertFalse(result.get("considered", False))
        self.assertFalse((self.folder / "store").exists())
        self.check_taken(f"{self.url}/rows.csv")  # once there is room

    def secret(self, name, **values):
        folder = self.folder / "secrets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, value in values.items():
            (folder / key).write_text(value + "\n")

    def test_s3(self):
        secrets = str(self.folder / "secrets")
        self.check_refused("secrets.dir holds no s3-bucket/accessKeyId", "s3://bucket/rows.csv",
                           secrets=secrets)
        self.secret("s3", accessKeyId=ACCESS, secretAccessKey="wrong", region=REGION,
                    endpoint=self.url)
        self.check_refused("the answer is 403", "s3://bucket/rows.csv", secrets=secrets)
        self.secret("s3-bucket", accessKeyId=ACCESS, secretAccessKey=SECRET, region=REGION,
                    endpoint=self.url)
        self.check_taken("s3://bucket/rows.csv", secrets=secrets)
        self.check_taken("s3://bucket/deep/er/rows-1.csv", secrets=secrets)
        for key in ("dt=2026-01-01/rows.csv", "a+b/c@d/e:f,g/rows(1).csv", "my rows.csv",
                    "Zürich.csv", "100%.csv", "a%20b.csv", "what?.csv", "it's~a-_.!*&$;.csv"):
            self.check_taken(f"s3://bucket/{key}", secrets=secrets)
            self.assertEqual(urllib.parse.unquote(self.server.asked[-1]), f"/bucket/{key}")
        self.secret("s3-bucket", sessionToken="a/session+token")
        self.check_taken("s3://bucket/rows.csv", secrets=secrets)
        text = "".join(path.read_text(errors="replace") for path in (self.folder / "out").rglob("*")
                       if path.is_file())
        self.assertNotIn(SECRET, text)

    def test_pins_of_dvc(self):
        md5 = hashlib.md5(ROWS.encode()).hexdigest()
        work = self.folder / "work"
        (work / "data").mkdir(parents=True)
        rows = work / "data" / "rows.csv"
        rows.write_text(ROWS)
        pin = work / "data" / "rows.csv.dvc"
        pin.write_text(f"outs:\n- md5: {md5}\n  size: {len(ROWS)}\n  hash: md5\n"
                       "  path: rows.csv\n")
        lock = work / "dvc.lock"
        lock.write_text("schema: '2.0'\nstages:\n  prepare:\n    cmd: make rows\n    outs:\n"
                        f"    - path: data/rows.csv\n      hash: md5\n      md5: {md5}\n"
                        f"      size: {len(ROWS)}\n")
        self.check_taken(pin)
        self.check_taken(f"{lock}#data/rows.csv")
        self.check_refused("pins no output data/other.csv", f"{lock}#data/other.csv")
        self.check_taken(f"{lock}#data/rows.csv#sha256:{hashlib.sha256(ROWS.encode()).hexdigest()}")
        self.check_refused("not as pinned", f"{pin}#sha256:{'0' * 64}")
        self.check_refused("pins no output data/rows.csv#md5:", f"{lock}#data/rows.csv#md5:{md5}")
        cache = work / ".dvc" / "cache" / "files" / "md5" / md5[:2]
        cache.mkdir(parents=True)
        os.rename(rows, cache / md5[2:])
        self.check_taken(f"{lock}#data/rows.csv")
        rows.write_text(ROWS + "r200,1,low\n")
        self.assertIn(f"not {md5} as pinned", self.run_on(f"{lock}#data/rows.csv")[0])
        self.assertFalse((self.folder / "out" / "stages" / "snapshot.json").exists())


if __name__ == "__main__":
    unittest.main()
