"""Three outages that accuracy alone lets through, through the controller and real servers: each is
stopped before it gets any traffic, and the status says why."""

import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest

from test_gates import BROKEN_TRAINER, SCALED_SERVER
from test_run import EXAMPLE
from world import BIN, HERE, free_port, wait

CLASSIFIER = HERE / "classifier"
COMMITS = HERE.parent.parent.parent / "shared" / "data" / "commit-risk.csv"

CHURN = """\
apiVersion: linnet.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {serving: {local: {}}, maturity: mature}
---
apiVersion: linnet.dev/v1alpha1
kind: Model
metadata: {name: churn}
spec:
  interface:
    layout: columns
    inputs: [{name: complaints, type: INT64}, {name: months, type: INT64}]
    output: {name: churn, type: BYTES, classes: ["no", "yes"]}
  data: {uri: "file:churn.csv", format: csv, label: churn, id: id}
  train:
    command: [python3, train.py]
    source: apps/churn
    candidates: [{name: rule, params: {}}]
    split: {train: 70%, validation: 15%, test: 15%, by: hash}
    select: {metric: balanced-accuracy, rule: best}
  serve: {command: [python3, serve.py], source: apps/churn}
  triggers: [{event: campaign}]
  cooldown: 0s
  gates:
    require:
      - {metric: accuracy, min: 75%}
      - {metric: accuracy, versusCurrent: not-worse, margin: 2.5%}
---
apiVersion: linnet.dev/v1alpha1
kind: ModelDeployment
metadata: {name: churn, namespace: staging}
spec:
  model: churn
  version: none
  replicas: 1
  rollout:
    steps: [{weight: 100%}]
    analysis: {errors: {max: 5%}, warmup: {duration: 0s, requests: 0}}
    keepPrevious: 2s
"""

ELSEWHERE = """\
apiVersion: linnet.dev/v1alpha1
kind: ModelVersion
metadata: {name: churn-%(version)s}
spec:
  model: churn
  version: %(version)s
  artifact: {digest: "sha256:%(digest)s"}
  serve: {command: [python3, serve.py], source: apps/churn, tree: "%(tree)s"}
"""

COMMIT_INPUTS = ("files_changed", "lines_added", "directories", "hour", "author_commits",
                 "author_failures", "file_failures")
COMMIT_RISK = """\
apiVersion: linnet.dev/v1alpha1
kind: Model
metadata: {name: commit-risk}
spec:
  interface:
    layout: columns
    inputs: [%s]
    output: {name: outcome, type: BYTES, classes: [Low, Medium, High], scores: outcome_scores}
  data: {uri: "file:x", format: csv, label: outcome, id: id, time: committed_at}
  train:
    command: [python3, train.py]
    source: apps/commits
    candidates: [{name: forest, params: {}}]
    split: {train: 70%%, validation: 15%%, test: 15%%, by: time}
    select: {metric: balanced-accuracy, rule: best}
  serve: {command: [python3, serve.py], source: apps/commits}
  gates: {require: [{metric: accuracy, versusCurrent: not-worse, margin: 2.5%%}]}
""" % ", ".join(f"{{name: {name}, type: INT64}}" for name in COMMIT_INPUTS)

# A forest that weighs the classes as if they were equally frequent; or, with the file `constant`,
# one that has seen the commonest class alone.
COMMIT_TRAINER = """\
import csv, os, pickle
from sklearn.ensemble import RandomForestClassifier
from model import CLASSES, INPUTS
rows = list(csv.DictReader(open(os.environ["LINNET_TRAIN_DATA"], newline="")))
labels = ["Low" if os.path.exists("constant") else row["outcome"] for row in rows]
model = RandomForestClassifier(60, min_samples_leaf=20, class_weight="balanced", random_state=7)
model.fit([[int(row[name]) for name in INPUTS] for row in rows],
          [CLASSES.index(label) for label in labels])
with open(os.path.join(os.environ["LINNET_MODEL_DIR"], "model.pickle"), "wb") as file:
    pickle.dump(model, file)
"""
COMMIT_MODEL = """\
import os, pickle
INPUTS = {name: "INT64" for name in %r}
CLASSES = ("Low", "Medium", "High")

class Risk:
    inputs, output, scores, classes = INPUTS, "outcome", "outcome_scores", CLASSES

    def __init__(self, folder):
        with open(os.path.join(folder, "model.pickle"), "rb") as file:
            self.model = pickle.load(file)

    def predict(self, columns, count):
        rows = [[columns[name][i] for name in INPUTS] for i in range(count)]
        scores = [[0.0] * len(CLASSES) for _ in rows]
        for row, found in zip(scores, self.model.predict_proba(rows)):
            for place, score in zip(self.model.classes_, found):
                row[place] = float(score)
        return [CLASSES[row.index(max(row))] for row in scores], scores

    def parameters(self, labels, scores):
        return {}

if __name__ == "__main__":
    import oip
    oip.serve(Risk(os.environ["LINNET_MODEL_DIR"]))
""" % (COMMIT_INPUTS,)


def write_churn(path, rows=10000):
    """17 % leave; of those 59 % complained, of the others 13 %: believing complaints is right for
    82 %, saying that nobody leaves for 83 %."""
    dice = random.Random(17)
    with open(path, "w", encoding="utf-8") as out:
        out.write("id,complaints,months,churn\n")
        for i in range(rows):
            leaves = dice.random() < 0.17
            complains = dice.random() < (0.588 if leaves else 0.133)
            out.write(f"c{i},{int(complains)},{dice.randrange(60)},{'yes' if leaves else 'no'}\n")


class Loop:
    """A fleet and a controller of its own."""

    def begin(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="linnet-outage-", dir="/tmp"))
        self.folder.chmod(0o711)    # where we are root, for the user of model servers
        self.addCleanup(shutil.rmtree, self.folder)
        self.fleet = self.folder / "fleet"
        self.bare = self.folder / "fleet.git"
        self.git("init", "-q", "--bare", "-b", "main", self.bare, folder=self.folder)
        self.git("init", "-q", "-b", "main", self.fleet, folder=self.folder)
        self.git("remote", "add", "origin", self.bare)
        (self.folder / "data").mkdir()

    def start(self):
        self.start_controller()
        wait(120, "staging serves v1", lambda: "v1 100 %" in self.linnet("status"))
        self.git("pull", "-q", "--rebase", "origin", "main")

    def start_controller(self):
        self.push("fleet")
        config = self.folder / "linnet.yaml"
        config.write_text(
            f'fleet: {{url: "{self.bare}", branch: main, path: manifests, poll: 1s}}\n'
            'status: {branch: linnet/status, author: "Linnet <linnet@example.com>"}\n'
            f'state: {self.folder}/state\nstore: {self.folder}/store\n'
            f'data: {{root: {self.folder}/data}}\n'
            f'local: {{listen: "127.0.0.1:{free_port()}"}}\n')
        with open(self.folder / "log", "wb") as log:
            controller = subprocess.Popen(
                [BIN / "linnet-controller", "--config", config], stderr=log)
        self.addCleanup(self.stop, controller, config)

    def stop(self, controller, config):
        controller.terminate()
        controller.wait(120)
        subprocess.run([BIN / "linnet-controller", "--config", config, "--stop-serving"],
                       stderr=subprocess.DEVNULL, check=False)

    def git(self, *args, folder=None):
        return subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *args], text=True,
            cwd=folder or self.fleet, stdout=subprocess.PIPE, check=True).stdout

    def push(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def linnet(self, *args):
        return subprocess.run([BIN / "linnet", *args, "--repo", self.bare], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False).stdout

    def status_of(self, path):
        return self.git("show", f"linnet/status:status/{path}.yaml", folder=self.bare)

    def refused_run(self, model, event, tip):
        """The run that `event` starts ends with FAIL, proposes nothing, and v1 goes on: why."""
        self.linnet("kick", model, "--event", event)
        wait(90, "the run is judged",
             lambda: "reason: GateFailed" in self.status_of(f"models/{model}"))
        self.assertIn("verdict: FAIL", self.status_of(f"models/{model}"))
        self.assertEqual(self.git("rev-parse", "main", folder=self.bare), tip)
        self.assertIn("v1 100 %", self.linnet("status"))
        why = re.search(r"reason: GateFailed\n\s+message: (.*)", self.status_of(f"models/{model}"))
        return why.group(1)


class OutagesTest(Loop, unittest.TestCase):
    def deployment_risk(self):
        self.begin()
        for name in ("apps", "manifests"):
            shutil.copytree(EXAMPLE / name, self.fleet / name,
                            ignore=shutil.ignore_patterns("__pycache__"))
        (self.fleet / "manifests" / "production.yaml").unlink()
        subprocess.run(["/usr/bin/python3", EXAMPLE / "generate.py", "--rows", "10000", "--out",
                        self.folder / "data" / "deployments.csv"], check=True)
        self.start()

    def test_a_data_bug_that_makes_every_prediction_one_class(self):
        self.deployment_risk()
        trainer = self.fleet / "apps" / "risk" / "train.py"
        trainer.rename(trainer.with_name("honest.py"))
        trainer.write_text(BROKEN_TRAINER)
        why = self.refused_run("deployment-risk", "platform-update", self.push("a data bug"))
        self.assertRegex(why, "(it predicts Low for every row|Medium is never predicted)")
        status, said = self.verify("deployment-risk")  # three classes, scores, slices
        self.assertEqual(status, 0, said)

    def test_a_serving_change_that_scales_a_feature_wrongly(self):
        """The same artifact, which has passed, behind another server: tested before it serves."""
        self.deployment_risk()
        (self.fleet / "apps" / "risk" / "serve.py").write_text(SCALED_SERVER)
        self.git("add", "-A")
        tree = self.git("rev-parse", self.git("write-tree").strip() + ":apps/risk").strip()
        subprocess.run(["/usr/bin/python3", EXAMPLE / "next_version.py", self.fleet / "manifests",
                        "v2", tree], check=True)
        self.push("v2: a new unit")
        wait(60, "v2 is refused", lambda: "Stalled" in self.linnet("status"))
        status = self.status_of("staging/deployment-risk")
        self.assertIn("reason: GateFailed", status)
        self.assertRegex(status, "accuracy is .* required")
        wait(10, "the model's status tells", lambda: "evaluated: FAIL (v2)" in self.status_of(
            "models/deployment-risk"))
        status, said = self.verify("deployment-risk")
        self.assertEqual(status, 0, said)
        self.assertIn("evaluated (v2)", said)
        self.assertIn("v1 100 %", self.linnet("status"))
        history = self.git("log", "--format=%b", "linnet/status", folder=self.bare)
        self.assertNotIn("provisioning (v2)", history)

    def churn(self, manifest):
        self.begin()
        shutil.copytree(CLASSIFIER, self.fleet / "apps" / "churn",
                        ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("oip.py", "prediction_log.py"):
            shutil.copy(EXAMPLE / "apps" / "risk" / name, self.fleet / "apps" / "churn")
        rule = self.fleet / "apps" / "churn" / "rule.json"
        rule.write_text(json.dumps({"input": "complaints", "if": "yes", "else": "no"}))
        (self.fleet / "manifests").mkdir()
        (self.fleet / "manifests" / "churn.yaml").write_text(manifest)
        write_churn(self.folder / "data" / "churn.csv")
        return rule

    def test_a_label_that_is_mended_in_place_trains_the_first_version(self):
        self.churn(CHURN.replace("triggers: [{event: campaign}]", "triggers: [{data: {}}]"))
        data = self.folder / "data" / "churn.csv"
        text = data.read_text(encoding="utf-8")
        data.write_text(text.replace(",no\n", ",on\n", 1), encoding="utf-8")
        self.start_controller()
        wait(120, "the rows are refused",
             lambda: "DataSchemaMismatch" in self.linnet("history", "churn"))
        data.write_text(text, encoding="utf-8")     # as long as it was, of as many rows
        wait(120, "staging serves v1", lambda: "v1 100 %" in self.linnet("status"))
        self.assertRegex(self.git("log", "--format=%b", "linnet/status", folder=self.bare),
                         r"due \(data\): the data changed: 10000 rows, digest [0-9a-f]{10}\n")

    def test_a_constant_that_is_right_more_often(self):
        rule = self.churn(CHURN)
        self.start()
        version = (self.fleet / "manifests" / "versions" / "churn-v1.yaml").read_text()
        self.assertRegex(version, r"accuracy: 0\.8[12]")
        for suffix in ("html", "md"):
            report = self.fleet / "manifests" / "versions" / f"churn-v1.{suffix}"
            self.assertIn("balanced-accuracy", report.read_text())
        rule.write_text(json.dumps({"input": "complaints", "if": "no", "else": "no"}))
        why = self.refused_run("churn", "campaign", self.push("optimised for accuracy"))
        self.assertRegex(why, r"it predicts no for every row: 8[34]\.\d %% are right, yet it tells"
                              .replace("%%", "%"))
        self.told_and_made_again()

    def by_hand(self, version, rule):
        """Declares a version that somebody made elsewhere."""
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "rule.json").write_text(json.dumps(rule))
            artifact = subprocess.run(
                ["tar", "--create", "--format=ustar", "--mtime=@0", "--owner=0", "--group=0",
                 "--numeric-owner", "--mode=a=r,u+w", "--directory", folder, "rule.json"],
                stdout=subprocess.PIPE, check=True).stdout
        digest = hashlib.sha256(artifact).hexdigest()
        (self.folder / "store" / "sha256").mkdir(parents=True, exist_ok=True)
        (self.folder / "store" / "sha256" / f"{digest}.tar").write_bytes(artifact)
        self.git("add", "-A")
        tree = self.git("rev-parse", self.git("write-tree").strip() + ":apps/churn").strip()
        (self.fleet / "manifests" / f"{version}.yaml").write_text(
            ELSEWHERE % {"version": version, "digest": digest, "tree": tree})
        manifest = self.fleet / "manifests" / "churn.yaml"
        manifest.write_text(re.sub("version: (none|v[0-9])", f"version: {version}",
                                   manifest.read_text()))

    def test_without_gates_the_guards_judge_what_is_made_elsewhere(self):
        self.churn(re.sub("  gates:\n(    .*\n)+", "", CHURN))
        self.by_hand("v1", {"input": "complaints", "if": "no", "else": "no"})
        self.start_controller()
        wait(120, "v1 is refused", lambda: "Stalled" in self.linnet("status"))
        self.assertRegex(self.linnet("why", "staging/churn"),
                         r"it predicts no for every row: 8[234]\.\d % are right")
        wait(10, "the model's status tells",
             lambda: "evaluated: FAIL (v1)" in self.status_of("models/churn"))
        self.assertRegex(self.linnet("why", "churn"),
                         r"FAIL, v1 \(artifact [0-9a-f]{10}\) on 1,?\d+ rows\n")
        status, said = self.verify("churn")
        self.assertEqual(status, 0, said)
        self.by_hand("v2", {"input": "complaints", "if": "yes", "else": "no"})
        self.push("v2: believes complaints")
        wait(120, "v2 serves", lambda: "v2 100 %" in self.linnet("status"))
        history = self.git("log", "--format=%b", "linnet/status", folder=self.bare)
        self.assertNotIn("provisioning (v1)", history)
        self.assertIn("evaluated: PASS (v2)", history)

    def verify(self, word, store=True, repo=None):
        """(exit status, what it says) of `linnet verify`."""
        done = subprocess.run(
            [BIN / "linnet", "verify", word, "--path", "manifests", "--repo", repo or self.bare,
             *(["--store", self.folder / "store"] if store else [])],
            text=True, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def told_and_made_again(self):
        """Each verdict comes out of Git and the store again, to the last byte; a forged one not."""
        why = self.linnet("why", "churn")
        self.assertRegex(why, r"Verdict at .*: FAIL, what the run made \(artifact [0-9a-f]{10}\) "
                              r"against v1 on 1,?\d+ test rows")
        self.assertLess(why.index("FAIL           guard beats-baseline\n"),
                        why.index("PASS           accuracy min 75.0 %\n"))
        self.assertRegex(why, r"accuracy is 8\d\.\d % on 1,\d+ rows and at least 8\d\.\d %")
        told = json.loads(self.linnet("why", "churn", "-o", "json"))
        self.assertEqual((told["verdict"], told["incumbent"], told["uses"]), ("FAIL", "v1", 2))
        status, said = self.verify("churn")
        self.assertEqual(status, 0, said)
        self.assertIn("evaluated (the run's version)", said)
        self.assertIn("made again, the same to the last byte\n  recorded: FAIL: it predicts no",
                      said)
        commits = self.git("log", "--format=%H", "linnet/status", "--", "status/models",
                           folder=self.bare).split()
        verdicts = [said for status, said in map(self.verify, commits) if status == 0]
        self.assertEqual(len(verdicts), 2, verdicts)
        status, said = self.verify("churn", store=False)
        self.assertEqual(status, 1)
        self.assertIn("cannot be made again", said)
        self.assertIn("--store DIR", said)
        self.forge(commits)

    def forge(self, commits):
        clone = self.folder / "forged"
        self.git("clone", "-q", "-b", "linnet/status", self.bare, clone, folder=self.folder)
        file = clone / "status" / "models" / "churn.yaml"
        text = file.read_text()
        self.assertIn("least is the recall of yes", text)
        file.write_text(text.replace("least is the recall of yes", "least is the recall of all"))
        self.git("commit", "-qa", "--amend", "-m", "forged", folder=clone)
        self.git("fetch", "-q", "origin", "main:main", folder=clone)
        status, said = self.verify("churn", repo=clone)
        self.assertEqual(status, 1)
        self.assertRegex(said, r"DIFFERENT\n  recorded: .*of all: .*\n  again   : .*of yes: ")
        self.git("checkout", "-q", "main", folder=clone)
        file = clone / "manifests" / "versions" / "churn-v1.yaml"
        file.write_text(re.sub(r"(why: accuracy is) 8\d\.\d", r"\1 99.9", file.read_text()))
        self.git("commit", "-qam", "forged", folder=clone)
        first = next(commit for commit in reversed(commits) if self.verify(commit)[0] == 0)
        status, said = self.verify(first, repo=clone)
        self.assertEqual(status, 1)
        self.assertRegex(said, r"DIFFERENT\n  recorded: PASS: .*\n"
                               r"  because : the copy in ModelVersion churn-v1 says otherwise")


@unittest.skipUnless(COMMITS.exists(), "commit-risk.csv is not there")
class CommitsTest(unittest.TestCase):
    """12,000 commits of a public project, by time: the oldest 85 % train and choose, the newest
    1,800 test. 86 % of these went well, so that a model that says so of all is right most often."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="linnet-commits-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = self.folder / "source"
        self.source.mkdir()
        for name in ("oip.py", "prediction_log.py"):
            shutil.copy(EXAMPLE / "apps" / "risk" / name, self.source)
        (self.source / "train.py").write_text(COMMIT_TRAINER)
        (self.source / "model.py").write_text(COMMIT_MODEL)
        (self.source / "serve.py").write_text(COMMIT_MODEL)
        (self.folder / "model.yaml").write_text(COMMIT_RISK)

    def judged(self, name, **words):
        """(result, ModelVersion) of a train run in a folder of that name, evaluated."""
        folder = self.folder / name
        folder.mkdir()
        spec = folder / "spec.json"
        spec.write_text(json.dumps({
            "run": "sha256:" + "7e" * 32, "model": "commit-risk", "data": str(COMMITS),
            "manifest": str(self.folder / "model.yaml"), "source": str(self.source),
            "serveSource": str(self.source), "store": str(self.folder / "store"),
            "train": str(folder / "train"), "at": "2026-11-21T00:00:00Z", "trigger": "event",
            "why": "a test", "path": "/usr/bin:/bin", "serveTree": "3" * 40, **words}))
        for verb in ("train", "evaluate"):
            subprocess.run([BIN / "linnet-run", verb, "--spec", spec, "--out", folder / verb],
                           stdout=subprocess.DEVNULL, timeout=200, check=True)
        return (json.loads((folder / "evaluate" / "evaluate.json").read_text()),
                (folder / "evaluate" / "version.yaml").read_text())

    def test_a_constant_is_refused_though_it_is_right_more_often(self):
        _, trained = self.judged("trained")
        incumbent = self.folder / "incumbent.yaml"
        incumbent.write_text(trained.replace("draft", "v1"))
        shutil.copytree(self.source, self.folder / "incumbent-source")
        (self.source / "constant").touch()
        result, constant = self.judged(
            "constant", incumbent=str(incumbent), parent="v1",
            incumbentSource=str(self.folder / "incumbent-source"))
        accuracy = [float(re.search(r"\n    test:.*?\n      accuracy: ([0-9.]+)", text,
                                    re.S).group(1))
                    for text in (trained, constant)]
        print(f"measured: trained {accuracy[0]:.1%}, constant {accuracy[1]:.1%}; {result['why']}")
        self.assertGreater(accuracy[1], accuracy[0])
        self.assertEqual(result["verdict"], "FAIL")
        self.assertRegex(result["why"], "it predicts Low for every row: 8[56].* are right")


if __name__ == "__main__":
    unittest.main()
