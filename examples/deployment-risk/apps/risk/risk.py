"""The model itself: what goes in, how it becomes numbers, and a trained model that predicts."""
import json
import os
import pickle

import numpy as np

INPUTS = {"files_changed": "INT64", "environment": "BYTES", "team": "BYTES",
          "time_of_day": "INT64", "previous_failures": "INT64"}
CATEGORIES = tuple(name for name, datatype in INPUTS.items() if datatype == "BYTES")
CLASSES = ("Low", "Medium", "High")
UNKNOWN = -1                            # a missing number, or a category that training has not seen
MODEL_FILE, ABOUT_FILE = "model.pickle", "model.json"


def encode(columns, count, codes):
    """Columns {name: [count values]} as the float32 [count, inputs] that the trees read.

    `codes` is {category: {value: code}}; a value without a code becomes UNKNOWN. A missing value is
    None; in a CSV it is empty, so a missing category is the empty one.
    """
    matrix = np.empty((count, len(INPUTS)), np.float32)
    for place, name in enumerate(INPUTS):
        values = columns[name]
        if name in codes:
            values = [codes[name].get(value or "", UNKNOWN) for value in values]
        else:
            values = [UNKNOWN if value is None else value for value in values]
        matrix[:, place] = values
    return matrix


class Risk:
    """A trained model, as oip.serve wants it."""
    inputs, output, scores, classes = INPUTS, "risk_level", "risk_scores", CLASSES

    def __init__(self, folder):
        """Loads what train.py wrote into `folder`."""
        with open(os.path.join(folder, ABOUT_FILE), encoding="utf-8") as file:
            self.codes = json.load(file)["codes"]
        with open(os.path.join(folder, MODEL_FILE), "rb") as file:
            model = pickle.load(file)
        self.trees = getattr(model, "estimators_", [model])
        self.places = model.classes_.astype(int)

    def predict(self, columns, count):
        """The labels [count] and the scores [count][classes]; a row's do not depend on others.

        Asks the trees directly: scikit-learn's checks of its input cost more than the answer.
        """
        matrix = encode(columns, count, self.codes)
        scores = np.zeros((count, len(CLASSES)))
        for tree in self.trees:
            scores[:, self.places] += tree.predict_proba(matrix, check_input=False)
        scores /= len(self.trees)
        return [CLASSES[best] for best in scores.argmax(axis=1)], scores.tolist()

    def parameters(self, labels, scores):
        """What to say about a whole reply beside its outputs: nothing."""
        return {}
