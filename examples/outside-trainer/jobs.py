#!/usr/bin/env python3
"""Jobs for `linnet-run job`, done by whatever the dispatch command starts.

    jobs.py --folder DIR --listen HOST:PORT --url URL-OF-THIS-SERVER -- DISPATCH...

DISPATCH is started once for each job with JOB_URL in its environment; the worker that it leads to
does what `work` does. Between worker and server stands the token in JOBS_TOKEN. State is in DIR
alone, so the server may be restarted. A job whose lease is over is answered with 410 to its worker.
"""

import argparse
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import time

LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    folder, url, dispatch = None, "", []

    def reply(self, status, body=b"{}"):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def job(self):
        """(folder of the job in the path or None, what of it is asked)."""
        match = re.fullmatch(r"/jobs/([0-9a-f]{64})(?:/(\w+))?", self.path)
        folder = self.folder / match[1] if match else None
        return (folder if folder and folder.exists() else None), match[2] if match else None

    def of_worker(self):
        wanted = "Bearer " + os.environ["JOBS_TOKEN"]
        return hmac.compare_digest(self.headers.get("Authorization", ""), wanted)

    def do_POST(self):
        body = self.body()
        task = json.loads(body)
        key = self.headers.get("Idempotency-Key", "")
        if self.path != "/jobs" or not re.fullmatch("[0-9a-f]{64}", key) or key != task["key"]:
            return self.reply(400)
        with LOCK:  # a second start of the same job is the first
            if (self.folder / key).exists():
                return self.reply(200)
            aside = self.folder / f".{key}"
            aside.mkdir(parents=True, exist_ok=True)
            (aside / "rows").write_text(task.pop("rows"))
            (aside / "task").write_text(json.dumps(task))
            aside.rename(self.folder / key)
        (self.folder / key / "asked").touch()
        subprocess.Popen(self.dispatch, env=os.environ | {"JOB_URL": f"{self.url}/jobs/{key}"},
                         stdin=subprocess.DEVNULL)
        return self.reply(202)

    def do_GET(self):
        folder, what = self.job()
        if not folder:
            return self.reply(404)
        if what is None:
            (folder / "asked").touch()
            return self.reply(200, json.dumps(self.state(folder)).encode())
        if what == "artifact":
            return self.reply(200, (folder / what).read_bytes())
        if what not in ("task", "rows") or not self.of_worker():
            return self.reply(403)
        return self.reply(200, (folder / what).read_bytes())

    def state(self, folder):
        for state in ("refused", "failed"):
            if (folder / state).exists():
                return {"state": state, "why": (folder / state).read_text().strip()}
        if not (folder / "artifact").exists():
            return {"state": "running"}
        digest = hashlib.sha256((folder / "artifact").read_bytes()).hexdigest()
        return {"state": "succeeded", "artifact": {
            "url": f"{self.url}/jobs/{folder.name}/artifact", "digest": "sha256:" + digest}}

    def do_PUT(self):
        body = self.body()
        folder, what = self.job()
        if not folder or what not in ("artifact", "refused", "failed") or not self.of_worker():
            return self.reply(403)
        lease = json.loads((folder / "task").read_text())["leaseSeconds"]
        if time.time() - (folder / "asked").stat().st_mtime > lease:
            return self.reply(410)
        aside = folder / f".{what}"
        aside.write_bytes(body)
        aside.rename(folder / what)
        return self.reply(201)

    def log_message(self, *ignored):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--listen", default="127.0.0.1:8090")
    parser.add_argument("--url", default="")
    parser.add_argument("dispatch", nargs="+")
    asked = parser.parse_args()
    host, port = asked.listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    Handler.folder, Handler.dispatch = asked.folder, asked.dispatch
    Handler.url = asked.url or f"http://{host}:{server.server_port}"
    asked.folder.mkdir(parents=True, exist_ok=True)
    print(Handler.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
