"""The prediction log: JSON lines in a folder, one file a process at a time."""
import json
import os
import sys
import time
from datetime import datetime, timezone

FILE_BYTES_MAX = 16 << 20
encode_json = json.JSONEncoder(separators=(",", ":")).encode


class PredictionLog:
    """Appends whole lines with one write each call; a log that fails never fails a request.

    Files are <milliseconds since 1970>-<pid>.jsonl, so that names sort by time; only the newest
    file of a process is still written.
    """

    def __init__(self, folder, revision):
        """`folder` may be empty: then nothing is kept."""
        self.folder, self.revision = folder, revision
        self.file, self.bytes = None, 0

    def append(self, ids, columns, labels, scores):
        """One line a row. `scores` are {class: score}."""
        if not self.folder:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
        lines = [encode_json({"ts": now, "id": ids[row], "revision": self.revision,
                              "inputs": {name: values[row] for name, values in columns.items()},
                              "output": labels[row], "scores": scores[row]})
                 for row in range(len(ids))]
        try:
            self._write(("\n".join(lines) + "\n").encode())
        except OSError as error:
            print(f"prediction log: {error}", file=sys.stderr, flush=True)
            self._close()

    def _write(self, data):
        if self.file is None or self.bytes + len(data) > FILE_BYTES_MAX:
            self._open()
        written = os.write(self.file, data)
        self.bytes += written
        if written < len(data):                     # a full disk: the torn line ends this file
            raise OSError(f"{written} of {len(data)} bytes written")

    def _open(self):
        self._close()
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, f"{time.time_ns() // 1000000}-{os.getpid()}.jsonl")
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.bytes = os.fstat(self.file).st_size

    def _close(self):
        if self.file is not None:
            os.close(self.file)
        self.file = None
