"""The model itself: what a commit is described by, and a trained linear model that predicts."""
import os

import numpy as np

INPUTS = {name: "INT64" for name in (
    "files_changed", "lines_added", "lines_removed", "directories", "touches_source",
    "touches_tests", "docs_only", "touches_build", "hour", "weekend", "author_commits",
    "author_failures", "file_failures")}
CLASSES = ("no", "yes")
MODEL_FILE = "model.npz"


def encode(columns, count, products):
    """Columns {name: [count values]} as float64 [count, features]: the logarithm of each input, as
    counts of changes have long tails, and with `products` those of each two of them, too."""
    plain = np.log1p(np.array([columns[name] for name in INPUTS], float).reshape(-1, count).T)
    if not products:
        return plain
    first, second = np.triu_indices(plain.shape[1])
    return np.hstack([plain, plain[:, first] * plain[:, second]])


class Commits:
    """A trained model, as oip.serve wants it. It is a product and a sum: the server does not need
    scikit-learn, and starts at once."""
    inputs, output, scores, classes = INPUTS, "went_wrong", "went_wrong_scores", CLASSES

    def __init__(self, folder):
        """Loads what train.py wrote into `folder`."""
        with np.load(os.path.join(folder, MODEL_FILE)) as file:
            self.weights, self.intercept = file["weights"], float(file["intercept"])
            self.threshold, self.products = float(file["threshold"]), bool(file["products"])

    def predict(self, columns, count):
        """The labels [count] and the scores [count][classes]; a row's do not depend on others."""
        matrix = encode(columns, count, self.products)
        wrong = 1 / (1 + np.exp(-((matrix * self.weights).sum(axis=1) + self.intercept)))
        return ([CLASSES[int(one >= self.threshold)] for one in wrong],
                np.stack([1 - wrong, wrong], axis=1).tolist())

    def parameters(self, labels, scores):
        """What to say about a whole reply beside its outputs: nothing."""
        return {}
