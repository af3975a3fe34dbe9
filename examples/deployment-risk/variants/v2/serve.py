"""Serves the model of LINNET_MODEL_DIR on 127.0.0.1:LINNET_PORT; replies say how sure it is."""
import os

import oip
from risk import Risk


class SureRisk(Risk):
    """Predicts as Risk does."""

    def parameters(self, labels, scores):
        """The score of the least certain label of the batch."""
        return {"confidence": min(max(row) for row in scores)}


if __name__ == "__main__":
    oip.serve(SureRisk(os.environ["LINNET_MODEL_DIR"]))
