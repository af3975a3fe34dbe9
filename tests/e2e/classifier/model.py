"""A classifier for tests, as oip.serve wants it: one input decides, as the artifact's rule says."""
import json
import os

INPUTS = {"complaints": "INT64", "months": "INT64"}


class Rule:
    inputs, output, scores, classes = INPUTS, "churn", "churn_scores", ("no", "yes")

    def __init__(self, folder):
        with open(os.path.join(folder, "rule.json"), encoding="utf-8") as file:
            self.rule = json.load(file)

    def predict(self, columns, count):
        labels = [self.rule["if" if value else "else"] for value in columns[self.rule["input"]]]
        return labels, [[float(label == name) for name in self.classes] for label in labels]

    def parameters(self, labels, scores):
        return {}
