"""Training by an outside system: linnet-run job against a job server that misbehaves."""

import csv
import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import threading
import time
import unittest

import test_run  # not its class by name: it would be run twice
from test_run import EXAMPLE, processes_below
from world import BIN, wait


SLOW_S = 63  # longer than a call without much in it may take


class JobServer:
    """Trains in the request; `trouble` names what goes wrong."""

    def __init__(self, trouble=""):
        self.jobs, self.starts, self.fetches, self.trouble = {}, 0, 0, trouble
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.start(self, self.headers["Idempotency-Key"], json.loads(body))

            def do_GET(self):
                outer.answer(self, self.path.strip("/").split("/"))

            def reply(self, status, body=b"{}", seconds=0):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                piece = len(body) // (seconds + 1) + 1
                for at in range(0, len(body), piece):
                    time.sleep(1 if at else 0)
                    self.wfile.write(body[at:at + piece])

            def log_message(self, *ignored):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jobs"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def start(self, handler, key, asked):
        self.starts += 1
        assert key == asked["key"] and asked["leaseSeconds"] >= 60
        if self.trouble in ("refuses the start", "moved its starts"):
            handler.reply(403 if self.trouble == "refuses the start" else 308)
            return
        if self.trouble == "slow start":
            time.sleep(SLOW_S)
        self.jobs.setdefault(key, {"asked": asked, "polls": 0, "artifact": self.train(asked)})
        if self.trouble == "loses its reply":
            handler.close_connection = True
            handler.connection.close()
        else:
            handler.reply(500 if self.trouble == "500" and self.starts == 1 else 202)

    def train(self, asked):
        """The commonest label: what the server of the test understands as a model."""
        rows = list(csv.DictReader(io.StringIO(asked["rows"])))
        text = json.dumps({"rows": len(rows), "params": asked["params"]}).encode()
        if self.trouble == "slow artifact":
            text += b" " * (1 << 20)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            info = tarfile.TarInfo("model.json")
            info.size, info.mode = len(text), 0o644
            tar.addfile(info, io.BytesIO(text))
        return out.getvalue()

    def answer(self, handler, parts):
        job = self.jobs.get(parts[1])
        if self.trouble == "moved":
            handler.reply(301)
        elif not job:
            handler.reply(404)
        elif len(parts) > 2:
            self.fetches += 1
            handler.reply(200, job["artifact"], SLOW_S if self.trouble == "slow artifact" else 0)
        else:
            job["polls"] += 1
            handler.reply(*self.state(parts[1], job))

    def state(self, key, job):
        if self.trouble == "500" and job["polls"] < 3:
            return 500, b"oops"
        if self.trouble == "never ends" or job["polls"] < 2:
            return 200, b'{"state": "running"}'
        if self.trouble in ("failed", "refused"):
            return 200, json.dumps({"state": self.trouble, "why": "no GPU"}).encode()
        wrong = b"x" if self.trouble == "wrong digest" else b""
        digest = "sha256:" + hashlib.sha256(job["artifact"] + wrong).hexdigest()
        return 200, json.dumps({"state": "succeeded", "artifact": {
            "url": f"{self.url}/{key}/artifact", "digest": digest}}).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class JobTest(unittest.TestCase):
    command = test_run.RunTest.command
    run_verb = test_run.RunTest.run_verb

    def setUp(self):
        test_run.RunTest.setUp(self)
        (self.source / "serve.py").write_text("raise SystemExit('a toy')\n")

    def declare(self, url, timeout):
        manifest = self.folder / "model.yaml"
        text = (EXAMPLE / "manifests" / "model.yaml").read_text()
        command = next(line for line in text.splitlines() if "command: [python3, train.py]" in line)
        manifest.write_text(text.replace(command, "    command: [%s, job, --url, '%s', --poll, 50ms]"
                                         % (BIN / "linnet-run", url))
                            .replace("timeout: 2m", f"timeout: {timeout}"))
        self.spec.write_text(json.dumps(json.loads(self.spec.read_text())
                                        | {"manifest": str(manifest)}))

    def train_at(self, url):
        self.declare(url, "2m")
        _, said, train = self.run_verb("train")
        return said, train

    def trained(self, trouble="", timeout="1m", kill=False):
        """(sentence of the run, model that arrived or None, server)."""
        server = JobServer(trouble)
        self.addCleanup(server.close)
        self.declare(server.url, timeout)
        if kill:
            self.kill_while_it_waits(server)
            return server
        _, _, train = self.run_verb("train")
        self.assertEqual(processes_below(self.folder), [])
        model = pathlib.Path(self.folder / "train/fit/candidate-0/model/model.json")
        return train["why"], json.loads(model.read_text()) if model.exists() else None, server

    def kill_while_it_waits(self, server):
        with subprocess.Popen(self.command("train"), stdout=subprocess.DEVNULL) as run:
            wait(20, "it is asked after", lambda: any(j["polls"] > 3 for j in server.jobs.values()))
            run.kill()
        wait(10, "nothing runs any more", lambda: not processes_below(self.folder))

    def test_a_run_that_was_killed_asks_no_more_so_its_lease_ends(self):
        server = self.trained("never ends", kill=True)
        job = next(iter(server.jobs.values()))

        def is_quiet():  # a last question may still be on its way
            polls = job["polls"]
            time.sleep(0.5)
            return job["polls"] == polls

        wait(5, "it is asked no more", is_quiet)

    def arrives(self, trouble):
        why, model, server = self.trained(trouble)
        self.assertIn("a toy", why)  # the artifact came; its server is none
        self.assertEqual(model["params"], {"algorithm": "tree", "depth": 10})
        self.assertGreater(model["rows"], 6000)
        self.assertEqual(len(server.jobs), 1)
        return server

    def test_the_artifact_of_an_outside_job_arrives_and_a_run_that_goes_on_adopts_it(self):
        server = self.arrives("")
        self.assertEqual(server.starts, 1)
        self.run_verb("train")
        self.assertEqual(server.starts, 1)

    def test_a_start_whose_reply_is_lost_is_one_job(self):
        self.assertEqual(self.arrives("loses its reply").starts, 1)

    def test_errors_of_the_server_are_waited_out(self):
        self.arrives("500")

    def test_a_wrong_digest_is_no_artifact(self):
        why, model, _ = self.trained("wrong digest")
        self.assertRegex(why, "the outside job: its artifact has digest .*, not .* as it told")
        self.assertIsNone(model)

    def test_a_job_that_never_ends_is_given_up(self):
        why, model, server = self.trained("never ends", "8s")
        self.assertIn("the trainer: took longer than its timeout", why)
        self.assertIsNone(model)
        self.assertEqual(len(server.jobs), 1)

    def test_what_the_outside_says_is_told(self):
        why, _, _ = self.trained("failed")
        self.assertIn("the outside job failed: no GPU", why)

    def test_a_refusal_is_told(self):
        why, _, _ = self.trained("refused")
        self.assertIn("the trainer refused (exit 1): the outside job refused: no GPU", why)

    def test_a_start_that_is_not_allowed_is_an_error(self):
        why, _, _ = self.trained("refuses the start")
        self.assertIn("the outside job was not started: HTTP 403", why)

    def test_a_redirect_is_told_at_once(self):
        for trouble, what in (("moved", "asked: HTTP 301"), ("moved its starts",
                                                             "started: HTTP 308")):
            why, model, _ = self.trained(trouble, "20s")
            self.assertIn(f"the outside job was not {what} (redirects are not followed; declare"
                          " the url that it leads to)", why)
            self.assertIsNone(model)

    def begin(self, server, n):
        """linnet-run job by itself, on n rows of 16 bytes."""
        folder = self.folder / server.trouble
        (folder / "model").mkdir(parents=True)
        (folder / "params").write_text("{}")
        (folder / "rows").write_text("id,y\n" + "".join(f"row{i:010d},x\n" for i in range(n)))
        environment = {"LINNET_SEED": "1", "LINNET_PARAMS": folder / "params",
                       "LINNET_TRAIN_DATA": folder / "rows", "LINNET_MODEL_DIR": folder / "model"}
        job = subprocess.Popen([BIN / "linnet-run", "job", "--url", server.url, "--poll", "50ms"],
                               env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(job.wait)
        self.addCleanup(job.kill)
        self.addCleanup(server.close)
        return job

    def test_much_to_send_or_to_fetch_may_take_its_time(self):
        """A run of days is not lost to a line on which its last step takes minutes."""
        slow = [(JobServer("slow start"), 1 << 19), (JobServer("slow artifact"), 10)]
        for job, (server, n) in [(self.begin(*each), each) for each in slow]:
            said, _ = job.communicate(timeout=2 * SLOW_S)
            self.assertEqual((job.returncode, said), (0, ""))
            self.assertEqual((server.starts, server.fetches), (1, 1))
            model = json.loads((self.folder / server.trouble / "model/model.json").read_text())
            self.assertEqual(model["rows"], n)

    def test_the_example_trains_by_the_jobs_that_it_dispatches(self):
        example = EXAMPLE.parent / "outside-trainer"
        environment = os.environ | {"PATH": f"{BIN}:/usr/bin:/bin", "JOBS_TOKEN": "t0ken"}
        server = subprocess.Popen(
            ["/usr/bin/python3", example / "jobs.py", "--folder", self.folder / "jobs", "--listen",
             "127.0.0.1:0", "--", example / "work", self.source, "python3", "train.py"],
            env=environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        url = server.stdout.readline().strip() + "/jobs"
        shutil.copy(EXAMPLE / "apps" / "risk" / "serve.py", self.source)
        _, train = self.train_at(url)
        self.assertEqual(train["state"], "succeeded", train)
        jobs = [job for job in (self.folder / "jobs").iterdir() if not job.name.startswith(".")]
        self.assertEqual(len(jobs), 3)  # two candidates, and the chosen one on more rows
        artifact = "sha256:" + hashlib.sha256(max(
            jobs, key=lambda job: (job / "rows").stat().st_size).joinpath(
                "artifact").read_bytes()).hexdigest()
        self.assertEqual(train["artifact"]["digest"], artifact)


if __name__ == "__main__":
    unittest.main()
