"""Learns risk_level from past deployments: LINNET_TRAIN_DATA, LINNET_PARAMS, LINNET_SEED in,
LINNET_MODEL_DIR out. The same inputs and seed give the same bytes.
"""
import csv
import json
import os
import pickle
import sys

from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from risk import ABOUT_FILE, CATEGORIES, CLASSES, INPUTS, MODEL_FILE, UNKNOWN, encode

LABEL = "risk_level"


def read(path):
    """The labelled rows of a CSV as columns {name: [values]}; a missing number is UNKNOWN."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[LABEL]]
    columns = {name: [row[name] for row in rows] for name in (*INPUTS, LABEL)}
    for name in INPUTS:
        if name not in CATEGORIES:
            columns[name] = [int(value) if value else UNKNOWN for value in columns[name]]
    return columns


def number(values):
    """{value: code} in the order of the alphabet, so that the order of rows does not matter."""
    return {value: code for code, value in enumerate(sorted(set(values)))}


def new_model(algorithm="tree", depth=None, trees=100, *, seed):
    """An untrained model; the names before `seed` are the keys that LINNET_PARAMS may have."""
    if algorithm == "tree":
        return DecisionTreeClassifier(max_depth=depth, random_state=seed)
    if algorithm == "forest":
        return RandomForestClassifier(trees, max_depth=depth, random_state=seed, n_jobs=1)
    sys.exit(f"algorithm: '{algorithm}' is neither tree nor forest")


def write(folder, model, codes):
    """Writes what Risk loads."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, MODEL_FILE), "wb") as file:
        pickle.dump(model, file, protocol=5)
    with open(os.path.join(folder, ABOUT_FILE), "w", encoding="utf-8") as file:
        json.dump({"classes": CLASSES, "codes": codes}, file, indent=1, sort_keys=True)


def main():
    with open(os.environ["LINNET_PARAMS"], encoding="utf-8") as file:
        model = new_model(**json.load(file), seed=int(os.environ["LINNET_SEED"]))
    columns = read(os.environ["LINNET_TRAIN_DATA"])
    labels = columns.pop(LABEL)
    if set(labels) - set(CLASSES) or len(set(labels)) < 2:
        sys.exit(f"{LABEL}: needs two or more of {', '.join(CLASSES)}, and nothing else")
    codes = {name: number(columns[name]) for name in CATEGORIES}
    model.fit(encode(columns, len(labels), codes), [CLASSES.index(label) for label in labels])
    write(os.environ["LINNET_MODEL_DIR"], model, codes)
    print(f"learnt from {len(labels)} rows: {model}")


if __name__ == "__main__":
    main()
