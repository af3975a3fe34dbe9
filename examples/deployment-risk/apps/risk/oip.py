"""The Open Inference Protocol v2 over HTTP/1.1 for one classifier, on asyncio alone.

A model has `inputs` {name: datatype}, `output`, `scores`, `classes`, and the methods `predict`
and `parameters` (see risk.py). One thread: a prediction takes less time than a thread switch.
"""
import asyncio
import gc
import json
import os
import signal
import sys
import uuid
from http import HTTPStatus

from prediction_log import PredictionLog

BODY_BYTES_MAX = 8 << 20
BATCH_MAX = 4096
DRAIN_SECONDS = 5.0           # how long a request under way may take to arrive after SIGTERM
LAST_CALL_SECONDS = 0.2       # how long after SIGTERM an idle connection may still bring one
INT64 = range(-2 ** 63, 2 ** 63)
encode_json = json.JSONEncoder(separators=(",", ":")).encode


class Refused(Exception):
    """A request that is answered with an error: status and words."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def need(condition, why):
    """Refuses a bad request unless `condition` holds."""
    if not condition:
        raise Refused(400, why)


# The protocol: documents in, documents out, no sockets.

def parse(body):
    """The JSON object in `body`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"body: not JSON: {error}") from None
    need(isinstance(document, dict), "body: not an object")
    return document


def is_value(value, datatype):
    """Whether a request may say it; null, for a missing value, is what the model makes of it."""
    if value is None:
        return True
    if datatype == "BYTES":
        return type(value) is str
    return type(value) is int and value in INT64


def column(tensor, datatype):
    """The values of a tensor of shape [n] or [n, 1], flat or nested."""
    name, data, shape = tensor["name"], tensor.get("data"), tensor.get("shape")
    need(tensor.get("datatype") == datatype, f"{name}: datatype is {datatype}")
    need(isinstance(data, list) and data, f"{name}: data is a list of values")
    if all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value[0] for value in data]
    need(shape in ([len(data)], [len(data), 1]), f"{name}: shape is [{len(data)}], as its data")
    need(all(is_value(value, datatype) for value in data), f"{name}: a value is no {datatype}")
    return data


def columns_of(request, inputs):
    """The request's columns {name: values} in the order of `inputs`, and their length."""
    tensors = request.get("inputs")
    need(isinstance(tensors, list), "inputs: not a list")
    named = {}
    for tensor in tensors:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        need(isinstance(name, str) and name in inputs, f"inputs: no such input: {name!r}")
        need(name not in named, f"inputs: {name} is there twice")
        named[name] = tensor
    missing = [name for name in inputs if name not in named]
    need(not missing, f"inputs: missing: {', '.join(missing)}")
    columns = {name: column(named[name], datatype) for name, datatype in inputs.items()}
    lengths = {len(values) for values in columns.values()}
    need(len(lengths) == 1, "inputs: not all of one length")
    count = lengths.pop()
    if count > BATCH_MAX:
        raise Refused(413, f"inputs: a batch has at most {BATCH_MAX} rows")
    return columns, count


def row_ids(request, count):
    """What the log calls the rows: the request's id, its parameters.ids, or <id>/<i>."""
    request_id = request.get("id", uuid.uuid4().hex)
    need(isinstance(request_id, str), "id: not a string")
    parameters = request.get("parameters", {})
    need(isinstance(parameters, dict), "parameters: not an object")
    ids = parameters.get("ids")
    if count == 1 and (ids is None or "id" in request):
        return [request_id]
    if ids is None:
        return [f"{request_id}/{row}" for row in range(count)]
    need(isinstance(ids, list) and len(ids) == count and all(type(i) is str for i in ids),
         f"parameters.ids: not {count} strings")
    return ids


def wanted(request, names):
    """The names of the outputs to answer with; all, if the request names none."""
    asked = request.get("outputs") or [{"name": name} for name in names]
    need(isinstance(asked, list) and all(isinstance(item, dict) for item in asked),
         "outputs: not a list of objects")
    asked = [item.get("name") for item in asked]
    need(all(name in names for name in asked), f"outputs: there are {' and '.join(names)}")
    return asked


class Endpoint:
    """What a model answers; `route` is the whole of it."""

    def __init__(self, model, name, version, log):
        self.model, self.name, self.version, self.log = model, name, version, log
        self.ready = True
        self.gets = {
            "/v2": lambda: {"name": "oip.py", "version": "1", "extensions": []},
            "/v2/health/live": lambda: {"live": True},
            "/v2/health/ready": self.readiness,
            f"/v2/models/{name}": self.metadata,
            f"/v2/models/{name}/ready": self.readiness,
        }
        self.infer_path = f"/v2/models/{name}/infer"

    def route(self, method, path, body):
        """(status, document) for a request; never raises."""
        try:
            if path == self.infer_path:
                if method != "POST":
                    raise Refused(405, "infer is a POST")
                return 200, self.infer(parse(body))
            if path not in self.gets:
                raise Refused(404, "no such path or model")
            if method != "GET":
                raise Refused(405, "only GET")
            return 200, self.gets[path]()
        except Refused as refusal:
            return refusal.status, {"error": str(refusal)}
        except Exception as error:
            print(f"{method} {path}: {error!r}", file=sys.stderr, flush=True)
            return 500, {"error": str(error)}

    def readiness(self):
        if not self.ready:
            raise Refused(503, "stopping")
        return {"name": self.name, "ready": True}

    def metadata(self):
        model = self.model
        return {"name": self.name, "versions": [self.version], "platform": "sklearn",
                "inputs": [{"name": name, "datatype": datatype, "shape": [-1]}
                           for name, datatype in model.inputs.items()],
                "outputs": [{"name": model.output, "datatype": "BYTES", "shape": [-1]},
                            {"name": model.scores, "datatype": "FP64",
                             "shape": [-1, len(model.classes)]}]}

    def infer(self, request):
        """Predicts, logs and answers."""
        model = self.model
        columns, count = columns_of(request, model.inputs)
        ids = row_ids(request, count)
        names = wanted(request, (model.output, model.scores))
        labels, scores = model.predict(columns, count)
        self.log.append(ids, columns, labels, [dict(zip(model.classes, row)) for row in scores])
        outputs = {
            model.output: {"datatype": "BYTES", "shape": [count], "data": labels},
            model.scores: {"datatype": "FP64", "shape": [count, len(model.classes)],
                           "data": [score for row in scores for score in row]}}
        reply = {"model_name": self.name, "model_version": self.version,
                 "outputs": [{"name": name, **outputs[name]} for name in names]}
        if "id" in request:
            reply["id"] = request["id"]
        parameters = model.parameters(labels, scores)
        if parameters:
            reply["parameters"] = parameters
        return reply


# HTTP/1.1, as much of it as a server behind a proxy needs.

class Request:
    """The first line and the headers of a request; refuses what cannot be understood."""

    def __init__(self, head):
        first, *lines = head.decode("latin-1")[:-4].split("\r\n")
        try:
            self.method, target, protocol = first.split(" ")
        except ValueError:
            raise Refused(400, "not a request line") from None
        self.path = target.partition("?")[0]
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip().lower() for name, _, value in fields}
        self.close = protocol != "HTTP/1.1" or headers.get("connection") == "close"
        self.expects = headers.get("expect") == "100-continue"
        if "transfer-encoding" in headers:
            raise Refused(411, "a body needs a Content-Length")
        length = headers.get("content-length", "0")
        need(length.isascii() and length.isdigit(), "Content-Length: not a number")
        self.body_bytes = int(length[:20])
        if self.body_bytes > BODY_BYTES_MAX:
            raise Refused(413, f"a body has at most {BODY_BYTES_MAX} bytes")


def response(status, document, close):
    """The bytes of an answer; `close` announces that it is the last on its connection."""
    body = encode_json(document).encode()
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Type: application/json",
            f"Content-Length: {len(body)}", *(["Connection: close"] if close else []), "", ""]
    return "\r\n".join(head).encode() + body


class Server:
    """Connections, and a way to end them without losing a request."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.idle = set()                           # writers of connections between requests
        self.tasks = set()

    async def connection(self, reader, writer):
        """Answers the requests of one connection, one after the other."""
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            while await self.exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass                                    # the other side has gone
        finally:
            self.idle.discard(writer)
            self.tasks.discard(task)
            writer.close()

    async def exchange(self, reader, writer):
        """One request and its answer; whether the connection stays open."""
        self.idle.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.idle.discard(writer)
            request = Request(head)
        except asyncio.LimitOverrunError:
            request, answer = None, (431, {"error": "headers too long"})
        except Refused as refusal:
            request, answer = None, (refusal.status, {"error": str(refusal)})
        if request:
            if request.expects:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await reader.readexactly(request.body_bytes) if request.body_bytes else b""
            answer = self.endpoint.route(request.method, request.path, body)
        close = request is None or request.close or not self.endpoint.ready
        writer.write(response(*answer, close))
        await writer.drain()
        return not close

    async def run(self, port):
        """Serves on loopback until SIGTERM or SIGINT, then answers what is under way."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        listener = await asyncio.start_server(self.connection, "127.0.0.1", port, backlog=512)
        print(f"serving {self.endpoint.name} {self.endpoint.version} on port {port}", flush=True)
        await stop.wait()
        self.endpoint.ready = False
        listener.close()
        await asyncio.sleep(LAST_CALL_SECONDS)
        for writer in tuple(self.idle):
            writer.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=DRAIN_SECONDS)


def serve(model):
    """Serves `model` as the environment says, until SIGTERM."""
    environment = os.environ
    name = environment.get("LINNET_MODEL_NAME", "deployment-risk")
    version = environment.get("LINNET_MODEL_VERSION", "v0")
    log = PredictionLog(environment.get("LINNET_PREDICTION_LOG"),
                        environment.get("LINNET_REVISION", version))
    gc.freeze()                                     # libraries are not searched for garbage again
    port = int(environment.get("LINNET_PORT") or environment["PORT"])
    asyncio.run(Server(Endpoint(model, name, version, log)).run(port))
