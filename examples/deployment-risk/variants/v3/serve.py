"""Serves the model of LINNET_MODEL_DIR on 127.0.0.1:LINNET_PORT; broken, on purpose.

No test before traffic can see it: parity, schema and accuracy are those of the version before.
"""
import os

import oip
from risk import Risk

HEALTHY_REQUESTS = 200
FAILS_EVERY = 5


class WearyRisk(Risk):
    """Predicts as Risk does, until after HEALTHY_REQUESTS one request in FAILS_EVERY fails."""

    def __init__(self, folder):
        super().__init__(folder)
        self.requests = 0

    def predict(self, columns, count):
        self.requests += 1
        if self.requests > HEALTHY_REQUESTS and self.requests % FAILS_EVERY == 0:
            raise RuntimeError("the pool of connections is empty")
        return super().predict(columns, count)


if __name__ == "__main__":
    oip.serve(WearyRisk(os.environ["LINNET_MODEL_DIR"]))
