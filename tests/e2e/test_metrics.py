"""A canary watched by a metric of Prometheus, which here is thirty lines of Python."""

import http.server
import json
import threading
import unittest
import urllib.parse

from world import Load, World, wait


class Prometheus:
    """Answers each instant query with `value`; None is an outage."""

    def __init__(self):
        self.value, self.queries = "NaN", []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                owner.queries.append(urllib.parse.parse_qs(url.query).get("query", [""])[0])
                if owner.value is None or url.path != "/api/v1/query":
                    self.send_error(503)
                    return
                sample = {"metric": {}, "value": [1.5, owner.value]}
                body = json.dumps({"status": "success", "data": {
                    "resultType": "vector", "result": [sample]}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MetricTest(unittest.TestCase):
    def test_no_number_is_no_data_and_too_high_a_one_is_harm(self):
        world, prometheus = World(), Prometheus()
        self.addCleanup(world.close)
        self.addCleanup(prometheus.close)
        metric = ("    analysis:\n      metrics: [{name: checkout, max: 0.02, url: '%s', prometheus: "
                  "'failures{revision=\"{{revision}}\"}'}]\n" % prometheus.url)
        with world.config.open("a") as config:
            config.write(f'metrics: {{allow: "{prometheus.url}"}}\n')
        edit = lambda text: text.replace("    analysis:\n", metric)
        world.declare("v1", edit=edit)
        world.start()
        wait(40, "v1 is steady", lambda: world.is_steady("v1"))
        with Load(world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            prometheus.queries.clear()
            world.declare("v2", edit=edit)
            wait(80, "it was asked twice", lambda: len(prometheus.queries) >= 2)
            wait(10, "the canary is told", lambda: "canary 0 % -> 5 % (v2)" in world.history())
            self.assertNotIn("canary 5 % -> 25 % (v2)", world.history())
            prometheus.value = "0.5"
            wait(150, "a revert on main", lambda: world.declared_version() == "v1")
        [failed] = world.quarantined()
        self.assertIn("checkout 0.5, above 0.02 3 times in a row", failed["reason"])
        self.assertNotIn("{{", prometheus.queries[0])


if __name__ == "__main__":
    unittest.main()
