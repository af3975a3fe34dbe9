"""Learns went_wrong from past commits: LINNET_TRAIN_DATA, LINNET_PARAMS, LINNET_SEED in,
LINNET_MODEL_DIR out. The same inputs and seed give the same bytes.
"""
import csv
import json
import os
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from commits import CLASSES, INPUTS, MODEL_FILE, encode

LABEL = "went_wrong"


def fit(matrix, labels, strength, seed):
    """Weights and intercept of a logistic regression, of the features as they come."""
    scale, model = StandardScaler(), LogisticRegression(C=strength, max_iter=2000,
                                                        random_state=seed)
    make_pipeline(scale, model).fit(matrix, labels)
    weights = model.coef_[0] / scale.scale_
    return weights, model.intercept_[0] - weights @ scale.mean_


def main():
    with open(os.environ["LINNET_PARAMS"], encoding="utf-8") as file:
        params = json.load(file)
    with open(os.environ["LINNET_TRAIN_DATA"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([CLASSES.index(row[LABEL]) for row in rows])
    if len(set(labels)) < 2:
        sys.exit(f"{LABEL}: the rows are all of one class")
    matrix = encode({name: [row[name] for row in rows] for name in INPUTS}, len(rows),
                    params["products"])
    weights, intercept = fit(matrix, labels, params["strength"], int(os.environ["LINNET_SEED"]))
    # Few commits go wrong. A probability above the usual one is a warning: at one half, there
    # would hardly ever be any.
    np.savez(os.path.join(os.environ["LINNET_MODEL_DIR"], MODEL_FILE), weights=weights,
             intercept=intercept, threshold=labels.mean(), products=params["products"])
    print(f"learnt from {len(rows)} commits, {labels.sum()} of which went wrong")


if __name__ == "__main__":
    main()
