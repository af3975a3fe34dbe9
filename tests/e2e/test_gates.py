"""What gates say of whole runs: outages that they stop, what serves, policies, evaluators."""

import csv
import json
import pathlib
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree

import test_run  # not its class by name: it would be run twice
from test_run import EXAMPLE
from world import BIN

# The trainer sees one label on nearly every row, as after a broken join upstream.
BROKEN_TRAINER = """import csv, os, runpy
rows = list(csv.DictReader(open(os.environ["LINNET_TRAIN_DATA"], newline="")))
path = os.path.join(os.environ["TMPDIR"], "broken.csv")
with open(path, "w", newline="") as out:
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    for i, row in enumerate(rows):
        row["risk_level"] = "High" if i == 0 else "Low"
        writer.writerow(row)
os.environ["LINNET_TRAIN_DATA"] = path
runpy.run_path("honest.py", run_name="__main__")
"""

# Somebody changed the unit of one input in the server alone.
SCALED_SERVER = """import os
import oip
from risk import Risk

class Scaled(Risk):
    def predict(self, columns, count):
        scaled = [value * 10 for value in columns["files_changed"]]
        return super().predict(dict(columns, files_changed=scaled), count)

if __name__ == "__main__":
    oip.serve(Scaled(os.environ["LINNET_MODEL_DIR"]))
"""

POLICY = """apiVersion: linnet.dev/v1alpha1
kind: GatePolicy
metadata: {name: platform}
spec:
  require: [{metric: f1, class: High, min: 99%}]
"""

SERVING = """apiVersion: linnet.dev/v1alpha1
kind: GatePolicy
metadata: {name: platform}
spec:
  serving: {latencyP95: 10s, startTime: 60s, memory: 10Gi, artifactSize: %s,
            scan: {report: scan.json}}
"""


class GatesTest(unittest.TestCase):
    setUp = test_run.RunTest.setUp
    command = test_run.RunTest.command
    run_verb = test_run.RunTest.run_verb
    stored = test_run.RunTest.stored

    def judged(self, **changes):
        """(verdict, sentence, version) of a train run with changed words, evaluated."""
        spec = json.loads(self.spec.read_text()) | changes
        self.spec.write_text(json.dumps(spec))
        status, said, train = self.run_verb("train")
        self.assertEqual(status, 0, said)
        status, said, evaluate = self.run_verb("evaluate")
        self.assertEqual(status, 0, said)
        version = (self.folder / "evaluate" / "version.yaml").read_text()
        return evaluate.get("verdict", "INCONCLUSIVE"), evaluate["why"], version

    def serving(self):
        """The version that serves: trained, and kept with its source as the incumbent."""
        verdict, _, version = self.judged()
        self.assertEqual(verdict, "PASS")
        source = self.folder / "incumbent-source"
        shutil.copytree(self.source, source)
        path = self.folder / "incumbent.yaml"
        path.write_text(version.replace("draft", "v1"))
        for verb in ("train", "evaluate"):
            shutil.rmtree(self.folder / verb)
        return {"incumbent": str(path), "incumbentSource": str(source), "parent": "v1", "uses": 2}

    def test_an_equal_candidate_passes_against_what_serves(self):
        verdict, why, version = self.judged(**self.serving())
        self.assertEqual(verdict, "PASS", why)
        self.assertIn("0.0 points better than with v1 on the same 1,445 rows", version)
        self.assertIn("no prediction changes: in effect it is the same model", version)
        self.assertIn("test 1 of 8", version)  # what is known already spends nothing
        page = (self.folder / "evaluate" / "report.html").read_text()
        for text in ("<span class=\"PASS\">PASS</span>", "What v1 said", "<td>accuracy</td>",
                     "v1: score of High", "<circle class=\"unsure\"", "prefers-color-scheme:dark"):
            self.assertIn(text, page)
        self.assertNotIn("http", page)
        xml.etree.ElementTree.fromstring(  # nothing is left open
            page.replace("<!doctype html>\n", "").replace('<meta charset="utf-8">', ""))
        self.assertIn("| Metric on the test rows | Candidate | Interval | v1 | Better by |",
                      (self.folder / "evaluate" / "report.md").read_text())
        self.assertIn("| accuracy not worse than current | PASS |",
                      (self.folder / "evaluate" / "report.md").read_text())

    def test_rows_that_trained_what_serves_are_left_out_of_the_comparison(self):
        model = self.folder / "by-time.yaml"
        model.write_text((EXAMPLE / "manifests" / "model.yaml").read_text().replace(
            "by: hash", "by: time"))
        self.spec.write_text(json.dumps(json.loads(self.spec.read_text()) |
                                        {"manifest": str(model)}))
        words = self.serving()
        incumbent = pathlib.Path(words["incumbent"])
        with open(self.data, newline="", encoding="utf-8") as data:
            times = sorted(row["deployed_at"] for row in csv.DictReader(data))
        lineage = re.search(r"      to: (\S+)\n      trainedTo: (\S+)\n", incumbent.read_text())
        self.assertEqual((lineage.group(1)[:16], lineage.group(2)[:16]),  # 15 % of 10,000 test
                         (times[-1][:16], times[8499][:16]))
        verdict, why, version = self.judged(**words)
        self.assertEqual(verdict, "PASS", why)
        self.assertIn("than with v1 on the same 1,500 rows", version)
        self.assertNotIn("left out", version)
        shutil.rmtree(self.folder / "evaluate")
        incumbent.write_text(incumbent.read_text().replace(lineage.group(2), times[9099]))
        _, _, version = self.judged()
        self.assertIn("than with v1 on the same 900 rows", version)
        self.assertIn("600 rows that v1 was trained on are left out", version)
        shutil.rmtree(self.folder / "evaluate")
        incumbent.write_text(re.sub("      trainedTo: .*\n", "", incumbent.read_text()))
        _, _, version = self.judged()
        self.assertIn("than with v1 on the same 1,500 rows", version)
        self.assertIn("on what v1 was trained is unknown", version)

    def test_a_data_bug_that_makes_every_prediction_one_class(self):
        words = self.serving()
        (self.source / "train.py").rename(self.source / "honest.py")
        (self.source / "train.py").write_text(BROKEN_TRAINER)
        verdict, why, version = self.judged(**words)
        self.assertEqual(verdict, "FAIL", why)
        self.assertRegex(why, r"(it predicts Low for every row|Medium is never predicted)")
        self.assertIn("accuracy is ", version)

    def test_a_serving_change_that_scales_a_feature_wrongly(self):
        words = self.serving()
        (self.source / "serve.py").write_text(SCALED_SERVER)
        verdict, why, version = self.judged(**words, serveTree="4" * 40)
        self.assertEqual(verdict, "FAIL", why)
        self.assertRegex(version, r"points worse than with v1 on the same 1,445 rows")

    def test_validate_says_how_often_an_equal_candidate_would_pass(self):
        said = subprocess.run([BIN / "linnet", "validate", EXAMPLE / "manifests"], text=True,
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertIn("passes versusCurrent in 37 % of runs (300 test rows", said)
        self.assertIn("not estimated yet for accuracy min 85.0 %, recall of High min 70.0 %", said)
        fleet = self.folder / "fleet"
        shutil.copytree(EXAMPLE / "manifests", fleet)
        _, _, version = self.judged()
        (fleet / "v1.yaml").write_text(version.replace("draft", "v1"))
        said = subprocess.run([BIN / "linnet", "validate", fleet], text=True,
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertRegex(said, r"passes versusCurrent in 9\d % of runs \(1445 test rows as of v1")
        self.assertRegex(said, r"the accuracy of v1, \d\d\.\d %, passes the declared minimum in ")
        self.assertRegex(said, r"as good as v1, \d\d\.\d %, passes 'recall of High min 70.0 %' in ")
        self.assertNotIn("not estimated", said)

    def test_a_policy_adds_to_the_gates(self):
        model = self.folder / "model.yaml"
        text = (EXAMPLE / "manifests" / "model.yaml").read_text()
        model.write_text(text.replace("  gates:\n", "  gates:\n    policy: platform\n"))
        policy = self.folder / "policy.yaml"
        policy.write_text(POLICY)
        verdict, why, _ = self.judged(manifest=str(model), policy=str(policy))
        self.assertEqual(verdict, "FAIL", why)
        self.assertIn("f1 of High is", why)

    def judged_again(self, text, **changes):
        """(verdict, sentence, version, what was said) of the same rows under another manifest."""
        model = self.folder / "model.yaml"
        model.write_text(text)
        spec = json.loads(self.spec.read_text()) | changes | {"manifest": str(model)}
        self.spec.write_text(json.dumps(spec))
        shutil.rmtree(self.folder / "evaluate")
        status, said, evaluate = self.run_verb("evaluate")
        self.assertEqual(status, 0, said)
        version = (self.folder / "evaluate" / "version.yaml").read_text()
        return evaluate.get("verdict", "INCONCLUSIVE"), evaluate["why"], version, said

    def test_when_only_the_gates_change_nothing_is_scored_again(self):
        _, _, before = self.judged()
        (self.source / "serve.py").write_text("raise SystemExit('it was started')")
        text = (EXAMPLE / "manifests" / "model.yaml").read_text()
        verdict, why, _, said = self.judged_again(text.replace("min: 85%", "min: 99%"))
        self.assertEqual(verdict, "FAIL", why)
        self.assertIn("at least 99.0 % is required", why)
        self.assertIn("nothing is scored again", said)
        verdict, _, version, _ = self.judged_again(text)
        self.assertEqual(verdict, "PASS")
        figures = [[line for line in text.splitlines() if "finishedAt" not in line]
                   for text in (before, version)]
        self.assertEqual(*figures)

    def test_what_serving_may_cost(self):
        """Figures of the candidate's own server, and what a scanner found in its source."""
        text = (EXAMPLE / "manifests" / "model.yaml").read_text()
        text = text.replace("  gates:\n", "  gates:\n    policy: platform\n")
        (self.folder / "model.yaml").write_text(text)
        policy = self.folder / "policy.yaml"
        policy.write_text(SERVING % "10Gi")
        scan = self.source / "scan.json"
        scan.write_text(json.dumps({"runs": [{"results": [{"ruleId": "CVE-1", "level": "note"}]}]}))
        verdict, why, version = self.judged(manifest=str(self.folder / "model.yaml"),
                                            policy=str(policy))
        self.assertEqual(verdict, "PASS", why)
        self.assertIn("of single rows 95 % are answered within", version)
        self.assertIn("its server was ready after", version)
        self.assertIn("the scan found nothing of severity high or above", version)
        scan.write_text(json.dumps({"Results": [{"Vulnerabilities": [
            {"VulnerabilityID": "CVE-2", "Severity": "CRITICAL"}]}]}))
        verdict, why, _, _ = self.judged_again(text)
        self.assertEqual((verdict, why), ("FAIL", "the scan found 1 of severity high or above; the "
                                                  "first is CVE-2"))
        scan.unlink()
        self.assertEqual(self.judged_again(text)[0], "INCONCLUSIVE")
        policy.write_text(SERVING % "1Ki")
        verdict, why, _, _ = self.judged_again(text)
        self.assertEqual(verdict, "FAIL")
        self.assertRegex(why, r"the artifact has .*; at most 1024 bytes is allowed")

    def test_an_outside_evaluator_has_a_say(self):
        model = self.folder / "model.yaml"
        text = (EXAMPLE / "manifests" / "model.yaml").read_text()
        command = "command: [sh, -c, 'test -s $LINNET_PREDICTIONS && echo too expensive; exit 1']"
        model.write_text(text.replace("  gates:\n", f"  gates:\n    {command}\n"))
        verdict, why, _ = self.judged(manifest=str(model))
        self.assertEqual((verdict, why), ("FAIL", "too expensive"))


if __name__ == "__main__":
    unittest.main()
