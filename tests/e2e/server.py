"""A model server of the Open Inference Protocol whose behaviour.json says how it misbehaves:
failEvery N (every Nth infer answers 500), readyAfter S, exitAtStart, badInterface, wrongAnswers,
failWhile FILE (500 while it exists), hangWhile FILE (accepts, never answers), tell NAME (exits with
the value of that variable on its standard error), otherPort (listens where nobody looks), predicts
LABEL (always, and logs it), numbers (from 0 to 1, evenly, in place of labels). What it predicts is
logged where "log" is set."""

import json
import os
import pathlib
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEHAVIOUR = json.loads((pathlib.Path(__file__).parent / "behaviour.json").read_text())
NAME = os.environ["LINNET_MODEL_NAME"]
TYPE = "FP64" if BEHAVIOUR.get("numbers") else "BYTES"
STARTED = time.monotonic()
infers, lock = 0, threading.Lock()
log = open(f"{os.environ['LINNET_PREDICTION_LOG']}/{time.time_ns()}-{os.getpid()}.jsonl", "w",
           buffering=1, encoding="utf-8") if BEHAVIOUR.get("log") else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 8192

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang(self):
        while "hangWhile" in BEHAVIOUR and os.path.exists(BEHAVIOUR["hangWhile"]):
            time.sleep(0.1)

    def do_GET(self):
        self.hang()
        if self.path == "/v2/health/live":
            self.answer(200, {"live": True})
        elif self.path in ("/v2/health/ready", f"/v2/models/{NAME}/ready"):
            ready = time.monotonic() - STARTED >= BEHAVIOUR.get("readyAfter", 0)
            self.answer(200 if ready else 503, {"ready": ready})
        elif self.path == f"/v2/models/{NAME}":
            self.answer(200, {"name": NAME, "platform": "python", "versions": ["1"],
                              "inputs": [{"name": "wrong" if BEHAVIOUR.get("badInterface") else "x",
                                          "datatype": "INT64", "shape": [-1]}],
                              "outputs": [{"name": "y", "datatype": TYPE, "shape": [-1]}]})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        global infers
        self.hang()
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            infers += 1
            fails = BEHAVIOUR.get("failEvery") and infers % BEHAVIOUR["failEvery"] == 0
        fails = fails or os.path.exists(BEHAVIOUR.get("failWhile", ""))
        if fails:
            self.answer(500, {"error": "as declared"})
            return
        values = request["inputs"][0]["data"]
        labels = [BEHAVIOUR.get("predicts") or ("odd" if value % 2 else "even") for value in values]
        if BEHAVIOUR.get("numbers"):
            labels = [BEHAVIOUR.get("predicts", infers * 0.618 % 1) for _ in values]
        with lock:
            for value, label in zip(values, labels):
                if log:
                    log.write(json.dumps({"revision": os.environ["LINNET_REVISION"],
                                          "inputs": {"x": value}, "output": label}) + "\n")
        self.answer(200, {"model_name": NAME, "id": request.get("id", ""), "outputs": [
            {"name": "y", "datatype": TYPE, "shape": [len(values)], "data": labels}]})

    def log_message(self, *ignored):
        pass


if BEHAVIOUR.get("exitAtStart"):
    raise SystemExit("exits at start, as declared")
if "tell" in BEHAVIOUR:
    raise SystemExit("my key is " + os.environ[BEHAVIOUR["tell"]])
port = 0 if BEHAVIOUR.get("otherPort") else int(os.environ["LINNET_PORT"])
server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
