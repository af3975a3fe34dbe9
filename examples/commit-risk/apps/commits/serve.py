"""Serves the model of LINNET_MODEL_DIR on 127.0.0.1:LINNET_PORT."""
import os

import oip
from commits import Commits

if __name__ == "__main__":
    oip.serve(Commits(os.environ["LINNET_MODEL_DIR"]))
