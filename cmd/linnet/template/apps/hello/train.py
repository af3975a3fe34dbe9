"""Learns `level`: reads LINNET_TRAIN_DATA, LINNET_PARAMS, LINNET_SEED; writes LINNET_MODEL_DIR."""
import csv
import json
import os
import pathlib
import pickle

from sklearn.tree import DecisionTreeClassifier

with open(os.environ["LINNET_TRAIN_DATA"], encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
params = json.loads(pathlib.Path(os.environ["LINNET_PARAMS"]).read_text(encoding="utf-8"))
model = DecisionTreeClassifier(max_depth=params["depth"], random_state=int(os.environ["LINNET_SEED"]))
model.fit([[int(row["size"]), int(row["hour"])] for row in rows], [row["level"] for row in rows])
folder = pathlib.Path(os.environ["LINNET_MODEL_DIR"])
folder.mkdir(parents=True, exist_ok=True)
(folder / "model.pickle").write_bytes(pickle.dumps(model, protocol=5))
