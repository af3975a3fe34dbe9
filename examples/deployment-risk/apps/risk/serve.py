"""Serves the model of LINNET_MODEL_DIR on 127.0.0.1:LINNET_PORT."""
import os

import oip
from risk import Risk

if __name__ == "__main__":
    oip.serve(Risk(os.environ["LINNET_MODEL_DIR"]))
