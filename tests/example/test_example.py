"""The running example: its data, its training, its server and its load generator.

Run with: /usr/bin/python3 -m unittest discover -s tests/example
"""
import csv
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "deployment-risk"
APP = EXAMPLE / "apps" / "risk"
sys.dont_write_bytecode = True          # source folders are pinned by content: leave them clean
sys.path[:0] = [str(EXAMPLE), str(APP), str(Path(__file__).resolve().parents[1] / "e2e")]

import generate  # noqa: E402
import load  # noqa: E402
import oip  # noqa: E402
import prediction_log  # noqa: E402
import risk  # noqa: E402
import world  # noqa: E402

DEADLINE = 120                          # seconds that any one wait may take
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
scratch = None                          # the module's own temporary folder
model_folder = None                     # a tree of depth 10 from 10,000 rows


def setUpModule():
    global scratch, model_folder
    scratch = Path(tempfile.mkdtemp(prefix="linnet-example-"))
    generated(scratch / "train.csv")
    generated(scratch / "fresh.csv", "--seed", "8", "--rows", "2000")
    model_folder = train("tree", {"algorithm": "tree", "depth": 10})


def tearDownModule():
    shutil.rmtree(scratch)


def generated(path, *arguments):
    """The bytes that generate.py writes to `path`."""
    subprocess.run([sys.executable, EXAMPLE / "generate.py", "--out", path, *arguments],
                   env=ENVIRONMENT, check=True, timeout=DEADLINE)
    return path.read_bytes()


def train(name, params, data="train.csv", check=True, **environment):
    """Runs train.py; the folder that it wrote, or with check=False the finished process."""
    (scratch / f"{name}.json").write_text(json.dumps(params))
    done = subprocess.run(
        [sys.executable, APP / "train.py"], check=check, timeout=DEADLINE, capture_output=True,
        env={**ENVIRONMENT, "LINNET_TRAIN_DATA": str(scratch / data), "LINNET_SEED": "7",
             "LINNET_PARAMS": str(scratch / f"{name}.json"),
             "LINNET_MODEL_DIR": str(scratch / name), **environment})
    return scratch / name if check else done


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def columns(rows):
    """Rows of generate.rows as what the model is asked."""
    return {name: [row[generate.COLUMNS.index(name)] for row in rows] for name in risk.INPUTS}


def accuracy(model, rows):
    labels, _ = model.predict(columns(rows), len(rows))
    return sum(label == row[-1] for label, row in zip(labels, rows)) / len(rows)


def request(rows, **more):
    """An infer request for rows of generate.rows."""
    return {"inputs": [{"name": name, "datatype": risk.INPUTS[name], "shape": [len(values)],
                        "data": values} for name, values in columns(rows).items()], **more}


class Server:
    """serve.py, of a variant or as it is, on a free port; as a context."""

    def __init__(self, variant=None):
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        shutil.copytree(APP, self.folder / "app")
        if variant:
            shutil.copy(EXAMPLE / "variants" / variant / "serve.py", self.folder / "app")
        self.log = self.folder / "log"
        self.port = world.free_port()

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "serve.py"], cwd=self.folder / "app", stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**ENVIRONMENT, "LINNET_MODEL_DIR": str(model_folder), "LINNET_MODEL_NAME": "dr",
                 "LINNET_MODEL_VERSION": "v1", "LINNET_REVISION": "3f2a9c1b02",
                 "LINNET_PORT": str(self.port), "LINNET_PREDICTION_LOG": str(self.log)})
        self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.terminate()
        self.process.wait(DEADLINE)

    def wait_ready(self):
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                self.client.connect()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.process.kill()
                    raise
                time.sleep(0.02)

    def call(self, method, path, document=None):
        """(status, document) of an answer; `document` may be bytes."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.client.request(method, path, None if document is None else raw)
        reply = self.client.getresponse()
        return reply.status, json.loads(reply.read())

    def infer(self, document):
        return self.call("POST", "/v2/models/dr/infer", document)

    def lines(self):
        """All that is in the prediction log."""
        return [json.loads(line) for path in sorted(self.log.iterdir())
                for line in path.read_text().splitlines()]


class Generate(unittest.TestCase):
    def test_same_seed_same_bytes(self):
        self.assertEqual(generated(scratch / "again.csv"), (scratch / "train.csv").read_bytes())
        self.assertNotEqual(generated(scratch / "other.csv", "--seed", "9", "--rows", "50"),
                            generated(scratch / "again.csv", "--rows", "50"))

    def test_longer_begins_with_shorter(self):
        whole = generated(scratch / "long.csv", "--drifted", "2000")
        self.assertTrue(whole.startswith((scratch / "train.csv").read_bytes()))
        tail = generated(scratch / "tail.csv", "--rows", "0", "--drifted", "2000")
        self.assertTrue(whole.endswith(tail.split(b"\n", 1)[1]))

    def test_rows(self):
        generated(scratch / "all.csv", "--drifted", "2000")
        with open(scratch / "all.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(tuple(rows[0]), generate.COLUMNS)
        self.assertEqual(len({row["id"] for row in rows}), 12000)
        times = [row["deployed_at"] for row in rows]
        self.assertEqual(times, sorted(times))
        self.assertTrue(all(int(row["time_of_day"]) == int(row["deployed_at"][11:13])
                            for row in rows))

    def test_change(self):
        before, after = list(generate.rows(10000, 0, 7)), list(generate.rows(0, 2000, 7))
        for rows, mean in (before, 50), (after, 200):
            self.assertAlmostEqual(sum(row[2] for row in rows) / len(rows), mean, delta=mean / 20)
        self.assertEqual(len({row[4] for row in after} - {row[4] for row in before}), 3)

    def test_refuses(self):
        done = subprocess.run([sys.executable, EXAMPLE / "generate.py", "--rows", "-1"],
                              env=ENVIRONMENT, capture_output=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 2)


class Train(unittest.TestCase):
    def test_same_inputs_same_bytes(self):
        for params in ({"algorithm": "tree", "depth": 10}, {"algorithm": "forest", "trees": 10}):
            one = train("one", params, PYTHONHASHSEED="1")
            two = train("two", params, PYTHONHASHSEED="2")
            self.assertEqual(contents(one), contents(two))

    def test_accuracy(self):
        model = risk.Risk(model_folder)
        for seed in (8, 9):
            fresh = accuracy(model, list(generate.rows(4000, 0, seed)))
            drifted = accuracy(model, list(generate.rows(0, 4000, seed)))
            self.assertTrue(0.86 <= fresh <= 0.91, fresh)
            self.assertTrue(0.60 <= drifted <= 0.80, drifted)

    def test_learning_again_helps(self):
        generated(scratch / "mixed.csv", "--drifted", "2000")
        model = risk.Risk(train("mixed", {"algorithm": "tree", "depth": 10}, "mixed.csv"))
        self.assertGreater(accuracy(model, list(generate.rows(0, 4000, 8))), 0.84)
        self.assertGreater(accuracy(model, list(generate.rows(4000, 0, 8))), 0.86)

    def test_gaps_and_missing_classes(self):
        (scratch / "gaps.csv").write_text(
            ",".join(generate.COLUMNS)
            + "\nx,,,dev,web,3,,Low\ny,,90,,,3,2,High\nz,,1,dev,web,1,1,\n")
        model = risk.Risk(train("gaps", {"algorithm": "tree"}, "gaps.csv"))
        labels, scores = model.predict(columns(list(generate.rows(3, 0, 7))), 3)
        self.assertLessEqual(set(labels), {"Low", "High"})
        self.assertTrue(all(len(row) == 3 and row[1] == 0 for row in scores))

    def test_failure_is_one(self):
        done = train("bad", {"algorithm": "magic"}, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"magic", done.stderr)


class Serve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.rows = list(generate.rows(64, 0, 8))

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_health_and_metadata(self):
        for path in "/v2/health/live", "/v2/health/ready", "/v2/models/dr/ready":
            self.assertEqual(self.server.call("GET", path)[0], 200)
        status, document = self.server.call("GET", "/v2/models/dr")
        self.assertEqual((status, document["name"], document["versions"]), (200, "dr", ["v1"]))
        self.assertEqual({item["name"]: item["datatype"] for item in document["inputs"]},
                         risk.INPUTS)
        self.assertEqual([item["shape"] for item in document["outputs"]], [[-1], [-1, 3]])

    def test_batch_equals_singles(self):
        status, batch = self.server.infer(request(self.rows, id="b"))
        self.assertEqual((status, batch["id"], batch["model_version"]), (200, "b", "v1"))
        labels, scores = batch["outputs"]
        self.assertEqual((labels["shape"], scores["shape"]), ([64], [64, 3]))
        for place, row in enumerate(self.rows[:8]):
            single = self.server.infer(request([row], id=row[0]))[1]["outputs"]
            self.assertEqual(single[0]["data"], labels["data"][place:place + 1])
            self.assertEqual(single[1]["data"], scores["data"][3 * place:3 * place + 3])

    def test_other_shapes(self):
        document = request(self.rows[:2], outputs=[{"name": "risk_scores"}])
        for tensor in document["inputs"]:
            tensor.update(shape=[2, 1], data=[[value] for value in tensor["data"]])
        status, reply = self.server.infer(document)
        self.assertEqual((status, [item["name"] for item in reply["outputs"]], "id" in reply),
                         (200, ["risk_scores"], False))

    def test_unknown_category(self):
        row = list(self.rows[0])
        row[3], row[4] = "moon", "\u00fc\ud800\0"
        self.assertEqual(self.server.infer(request([row]))[0], 200)

    def test_missing_values(self):
        """null is answered, and means what an empty field of the CSV meant in training."""
        document = request(self.rows[:2])
        for tensor in document["inputs"]:
            tensor["data"][0] = None
        self.assertEqual(self.server.infer(document)[0], 200)
        codes = {"environment": {"": 0, "prod": 1}, "team": {"core": 0}}
        missing = {name: [None] for name in risk.INPUTS}
        self.assertEqual(risk.encode(missing, 1, codes).tolist(),
                         [[risk.UNKNOWN, 0, risk.UNKNOWN, risk.UNKNOWN, risk.UNKNOWN]])

    def test_bad_requests(self):
        def changed(place, **more):
            document = request(self.rows[:2])
            document["inputs"][place].update(more)
            return document

        good = request(self.rows[:1])
        for document in (
                b"", b"{", b"[]", b"[" * 100000, b"\xff", {}, {"inputs": {}}, {"inputs": [1]},
                {"inputs": good["inputs"][1:]}, {"inputs": good["inputs"] * 2},
                changed(0, name="x"), changed(0, name=[]), changed(0, datatype="FP32"),
                changed(0, shape=[3]), changed(0, shape="x"), changed(0, data="ab"),
                changed(0, data=[1.5, 2]), changed(0, data=[True, 2]), changed(0, data=[2**63, 2]),
                changed(0, data=[1], shape=[1]), changed(0, data=[], shape=[0]),
                changed(1, data=[1, 2]), changed(1, data=[[None], "dev"]), {**good, "id": 5},
                {**good, "parameters": []}, {**good, "parameters": {"ids": [1]}},
                {**good, "outputs": [{"name": "x"}]}, {**good, "outputs": [1]}):
            status, reply = self.server.infer(document)
            self.assertEqual((status, type(reply["error"])), (400, str), document)
        self.assertEqual(self.server.call("GET", "/v2/models/dr/infer")[0], 405)
        self.assertEqual(self.server.call("POST", "/v2/models/other/infer", good)[0], 404)
        self.assertEqual(self.server.infer(good)[0], 200)

    def test_bad_http(self):
        for sent, status in (
                (b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
                (b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
                (b"GET / HTTP/1.1\r\nX: " + b"x" * 100000, 431),
                (b"GET /v2/health/live HTTP/1.0\r\n\r\n", 200)):
            with socket.create_connection(("127.0.0.1", self.server.port), DEADLINE) as client:
                client.sendall(sent)
                with client.makefile("rb") as file:
                    self.assertEqual(int(file.readline().split()[1]), status, sent[:40])

    def test_keep_alive(self):
        self.server.call("GET", "/v2/health/live")
        before = self.server.client.sock.getsockname()
        for _ in range(20):
            self.server.infer(request(self.rows[:1]))
        self.server.infer(b"{")
        self.assertEqual(self.server.client.sock.getsockname(), before)

    def test_log(self):
        ids = [f"given-{place}" for place in range(3)]
        self.server.infer(request(self.rows[:3], id="many"))
        self.server.infer(request(self.rows[:3], id="m", parameters={"ids": ids}))
        self.server.infer(request(self.rows[:1], id="single"))
        lines = {line["id"]: line for line in self.server.lines()}
        self.assertLessEqual({"many/0", "many/2", "single", *ids}, set(lines))
        line = lines["single"]
        self.assertEqual(list(line), ["ts", "id", "revision", "inputs", "output", "scores"])
        self.assertEqual(line["revision"], "3f2a9c1b02")
        self.assertEqual(line["inputs"], {name: values[0] for name, values
                                          in columns(self.rows[:1]).items()})
        self.assertEqual(line["output"], max(line["scores"], key=line["scores"].get))
        self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Log(unittest.TestCase):
    def test_rotates_between_lines(self):
        folder = scratch / "rotated"
        log = prediction_log.PredictionLog(str(folder), "r")
        big = prediction_log.FILE_BYTES_MAX // 3
        for number in range(4):
            log.append([str(number)], {"x": ["y" * big]}, ["Low"], [{"Low": 1.0}])
            time.sleep(0.002)                       # names are by the millisecond
        files = sorted(folder.iterdir())
        self.assertEqual(len(files), 2)
        self.assertTrue(all(path.stat().st_size <= prediction_log.FILE_BYTES_MAX
                            for path in files))
        self.assertEqual([json.loads(line)["id"] for path in files
                          for line in path.read_text().splitlines()], list("0123"))

    def test_failure_is_not_the_request_s(self):
        (scratch / "file").write_text("")
        log = prediction_log.PredictionLog(str(scratch / "file"), "r")
        log.append(["1"], {"x": [1]}, ["Low"], [{"Low": 1.0}])


class Stop(unittest.TestCase):
    def test_finishes_what_is_under_way(self):
        with Server() as server:
            body = json.dumps(request(list(generate.rows(1, 0, 8)), id="last")).encode()
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
                client.sendall(b"POST /v2/models/dr/infer HTTP/1.1\r\nExpect: 100-continue\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:50]))
                self.assertEqual(client.recv(25), b"HTTP/1.1 100 Continue\r\n\r\n")
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                client.sendall(body[50:])
                with client.makefile("rb") as file:
                    reply = file.read()
            self.assertTrue(reply.startswith(b"HTTP/1.1 200 "), reply)
            self.assertIn(b"\r\nConnection: close\r\n", reply)
            self.assertEqual(server.process.wait(DEADLINE), 0)

    def test_idle_connections_do_not_hold(self):
        with Server() as server:
            begin = time.monotonic()
            server.process.terminate()
            self.assertEqual(server.process.wait(DEADLINE), 0)
            self.assertLess(time.monotonic() - begin, oip.DRAIN_SECONDS)


class Variants(unittest.TestCase):
    def test_v3_predicts_as_v1(self):
        document = request(list(generate.rows(64, 0, 8)), id="b")
        replies = []
        for variant in None, "v3":
            with Server(variant) as server:
                replies.append(server.infer(document)[1])
        self.assertEqual(replies[0], replies[1])

    def test_v3_fails_one_in_five_after_200(self):
        document = request(list(generate.rows(1, 0, 8)))
        with Server("v3") as server:
            statuses = [server.infer(document)[0] for _ in range(300)]
            self.assertEqual(server.call("GET", "/v2/models/dr/ready")[0], 200)
        self.assertEqual(set(statuses[:200]), {200})
        self.assertEqual(statuses[200:].count(500), 20)
        self.assertEqual(statuses[200:].count(200), 80)


class Load(unittest.TestCase):
    def start(self, port, *arguments):
        return subprocess.Popen(
            [sys.executable, EXAMPLE / "load.py", "--url", f"http://127.0.0.1:{port}", "--model",
             "dr", "--data", scratch / "fresh.csv", "--summary", scratch / "summary.json",
             *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)

    def finish(self, process):
        """(lines printed, summary) of a load generator that ends well."""
        out = process.communicate(timeout=DEADLINE)[0].splitlines()
        self.assertEqual(process.returncode, 0)
        summary = json.loads((scratch / "summary.json").read_text())
        self.assertEqual(json.loads(out[-1]), summary)
        return out[:-1], summary

    def test_summary(self):
        with Server("v3") as server:
            process = self.start(server.port, "--rate", "200", "--seconds", "2")
            lines, summary = self.finish(process)
        self.assertEqual((summary["total"], summary["ok"]), (400, 360))
        self.assertEqual(summary["http_errors"], {"500": {"-": 40}})
        self.assertEqual((summary["transport_errors"], summary["mismatched"]), ({}, 0))
        self.assertRegex("\n".join(lines),
                         r"(?m)^t=\ds \d+/s - 100% errors \d+ p50 [\d.]+ms p95 [\d.]+ms$")
        self.assertGreaterEqual(len(lines), 2)

    def test_nobody_there_and_sigterm(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))            # bound, not listening: refuses
            process = self.start(probe.getsockname()[1], "--rate", "50")
            self.assertTrue(process.stdout.readline().startswith("t=1s "))
            process.terminate()
            _, summary = self.finish(process)
        self.assertEqual((summary["ok"], summary["http_errors"]), (0, {}))
        self.assertEqual(summary["transport_errors"], {"ConnectionRefusedError": summary["total"]})
        self.assertGreater(summary["total"], 20)

    def test_restart_of_the_server(self):
        with Server() as server:
            process = self.start(server.port, "--rate", "100", "--seconds", "3")
            process.stdout.readline()
            server.process.terminate()
            server.process.wait(DEADLINE)
            server.client.close()
            server.__enter__()
            _, summary = self.finish(process)
        self.assertEqual(summary["total"], 300)
        lost = sum(summary["transport_errors"].values())
        self.assertEqual(summary["total"], summary["ok"] + lost)

    def test_line(self):
        counts = load.Counts()
        counts.answers.update({("v1", 200): 190, ("v2", 200): 8, ("v2", 500): 2})
        counts.latencies.extend([0.002] * 190 + [0.006] * 10)
        self.assertEqual(load.line(12, counts),
                         "t=12s 200/s v1 95% v2 5% errors 2 p50 2.0ms p95 2.0ms")


if __name__ == "__main__":
    unittest.main()
