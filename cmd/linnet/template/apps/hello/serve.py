"""Serves LINNET_MODEL_DIR on 127.0.0.1:LINNET_PORT by the Open Inference Protocol v2."""
import json
import os
import pathlib
import pickle
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ["LINNET_MODEL_NAME"]
MODEL = pickle.loads((pathlib.Path(os.environ["LINNET_MODEL_DIR"]) / "model.pickle").read_bytes())
INPUTS = ("size", "hour")
METADATA = {
    "name": NAME, "platform": "python",
    "inputs": [{"name": name, "datatype": "INT64", "shape": [-1]} for name in INPUTS],
    "outputs": [{"name": "level", "datatype": "BYTES", "shape": [-1]}],
}


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
        if self.path.startswith("/v2/health/") or self.path == f"/v2/models/{NAME}/ready":
            self.answer(200, {"ready": True})
        elif self.path == f"/v2/models/{NAME}":
            self.answer(200, METADATA)
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        columns = {tensor["name"]: tensor["data"] for tensor in request["inputs"]}
        labels = MODEL.predict(list(zip(*(columns[name] for name in INPUTS)))).tolist()
        self.answer(200, {"model_name": NAME, "id": request.get("id", ""), "outputs": [
            {"name": "level", "datatype": "BYTES", "shape": [len(labels)], "data": labels}]})

    def log_message(self, *ignored):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["LINNET_PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
