import os

import oip
from model import Rule

if __name__ == "__main__":
    oip.serve(Rule(os.environ["LINNET_MODEL_DIR"]))
