"""A model server of the Open Inference Protocol whose behaviour.json says how it misbehaves:
failEvery N (every Nth infer answers 500), readyAfter S, exitAtStart, badInterface, wrongAnswers."""

import json
import os
import pathlib
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEHAVIOUR = json.loads((pathlib.Path(__file__).parent / "behaviour.json").read_text())
NAME = os.environ["LINNET_MODEL_NAME"]
STARTED = time.monotonic()
infers, lock = 0, threading.Lock()


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

    def do_GET(self):
        if self.path == "/v2/health/live":
            self.answer(200, {"live": True})
        elif self.path in ("/v2/health/ready", f"/v2/models/{NAME}/ready"):
            ready = time.monotonic() - STARTED >= BEHAVIOUR.get("readyAfter", 0)
            self.answer(200 if ready else 503, {"ready": ready})
        elif self.path == f"/v2/models/{NAME}":
            self.answer(200, {"name": NAME, "platform": "python", "versions": ["1"],
                              "inputs": [{"name": "wrong" if BEHAVIOUR.get("badInterface") else "x",
                                          "datatype": "INT64", "shape": [-1]}],
                              "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}]})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        global infers
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            infers += 1
            fails = BEHAVIOUR.get("failEvery") and infers % BEHAVIOUR["failEvery"] == 0
        if fails:
            self.answer(500, {"error": "as declared"})
            return
        values = request["inputs"][0]["data"]
        self.answer(200, {"model_name": NAME, "id": request.get("id", ""), "outputs": [
            {"name": "y", "datatype": "BYTES", "shape": [len(values)],
             "data": ["odd" if value % 2 else "even" for value in values]}]})

    def log_message(self, *ignored):
        pass


if BEHAVIOUR.get("exitAtStart"):
    raise SystemExit("exits at start, as declared")
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["LINNET_PORT"])), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
