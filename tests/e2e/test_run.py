"""linnet-run on the running example: real rows, a real trainer, a real model server."""

import csv
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from world import BIN, wait

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "examples" / "deployment-risk"
ROWS = 10000


def digest(path):
    return "sha256:" + hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def processes_below(folder):
    """Ids of the processes whose working folder is below `folder`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            cwd = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if cwd.startswith(str(folder)):
            found.append(int(pid))
    return found


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="linnet-run-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = self.folder / "source"
        shutil.copytree(EXAMPLE / "apps" / "risk", self.source,
                        ignore=shutil.ignore_patterns("__pycache__"))
        self.data = self.folder / "deployments.csv"
        subprocess.run(["/usr/bin/python3", EXAMPLE / "generate.py", "--rows", str(ROWS), "--out",
                        self.data], check=True)
        self.spec = self.folder / "spec.json"
        self.store = self.folder / "store"
        self.spec.write_text(json.dumps({
            "run": "sha256:" + "7f" * 32, "model": "deployment-risk",
            "manifest": str(EXAMPLE / "manifests" / "model.yaml"), "data": str(self.data),
            "source": str(self.source), "serveSource": str(self.source), "store": str(self.store),
            "train": str(self.folder / "train"), "at": "2026-11-21T00:00:00Z",
            "trigger": "newRows", "why": "2,000 new rows", "tree": "1" * 40, "commit": "2" * 40,
            "serveTree": "3" * 40, "path": "/usr/bin:/bin"}))

    def command(self, verb):
        return [BIN / "linnet-run", verb, "--spec", self.spec, "--out", self.folder / verb]

    def run_verb(self, verb):
        """(exit status, standard output, result)."""
        done = subprocess.run(self.command(verb), text=True, stdout=subprocess.PIPE, timeout=600,
                              check=False)
        return done.returncode, done.stdout, json.loads(
            (self.folder / verb / f"{verb}.json").read_text())

    def stored(self, name, kind):
        return self.store / "sha256" / f"{name.removeprefix('sha256:')}.{kind}"

    def test_from_rows_to_a_version(self):
        status, said, train = self.run_verb("train")
        self.assertEqual((status, train["state"]), (0, "succeeded"), said)
        self.assertIn("candidate tree-10", said)
        artifact, rows = train["artifact"]["digest"], train["rows"]
        self.assertEqual(train["data"], digest(self.folder / "train" / "data"))
        self.assertEqual(digest(self.stored(artifact, "tar")), artifact)
        self.assertEqual(digest(self.stored(rows["digest"], "csv")), rows["digest"])

        status, said, evaluate = self.run_verb("evaluate")
        self.assertEqual((status, evaluate["verdict"]), (0, "PASS"), said)
        self.assertIn("all 7 gates hold: accuracy is ", evaluate["why"])
        version = (self.folder / "evaluate" / "version.yaml").read_text()
        for line in ("name: deployment-risk-draft", f"digest: {artifact}", "accuracy: 0.",
                     "recall.High: 0.", "candidate: forest-20"):
            self.assertIn(line, version)
        self.check_predictions(rows)
        self.assertEqual(processes_below(self.folder), [])

    def check_predictions(self, rows):
        """The accuracy that is told is that of the predictions that are kept."""
        version = (self.folder / "evaluate" / "version.yaml").read_text()
        files = [path for path in (self.store / "sha256").glob("*.csv")
                 if path.stem not in rows["digest"]]
        self.assertEqual(len(files), 1)
        with open(files[0], newline="", encoding="utf-8") as file:
            kept = list(csv.DictReader(file))
        self.assertEqual(len(kept), rows["count"])
        right = sum(row["label"] == row["prediction"] for row in kept)
        self.assertIn(f"accuracy: {round(right / len(kept), 4)}", version.split("test:")[-1])
        golden = [json.loads(path.read_text()) for path in (self.store / "sha256").glob("*.json")]
        golden = next(batch for batch in golden if "predictions" in batch)
        self.assertEqual((len(golden["rows"]), len(golden["predictions"])), (64, 64))

    def test_test_rows_are_not_below_the_trainers_folder(self):
        (self.source / "train.py").write_text(
            "import os, sys\n"
            "seen = [os.path.join(top, name) for top, _, names in os.walk('..') for name in names]\n"
            "print(' '.join(sorted(name for name in seen if name.endswith('.csv'))))\n"
            "sys.exit(1)\n")
        status, _, train = self.run_verb("train")
        self.assertEqual((status, train["considered"]), (1, True))
        self.assertIn("(exit 1): ../train.csv", train["why"])
        self.assertTrue(train["why"].endswith("../train.csv"), train["why"])

    def test_a_killed_run_leaves_nothing_running_and_goes_on(self):
        slow = self.source / "train.py"
        slow.write_text("import time\ntime.sleep(1)\n" + slow.read_text())
        for number in (signal.SIGTERM, signal.SIGKILL):
            with subprocess.Popen(self.command("train"), stdout=subprocess.DEVNULL) as run:
                wait(20, "the trainer runs",
                     lambda: len(processes_below(self.folder / "train")) > 0)
                run.send_signal(number)
                run.wait(120)
            wait(5, "nothing runs any more", lambda: not processes_below(self.folder / "train"))
            self.assertFalse((self.folder / "train" / "train.json").exists())
        snapshot = digest(self.folder / "train" / "data")
        self.data.write_text("other rows by now\n")
        status, said, train = self.run_verb("train")
        self.assertEqual((status, train["state"]), (0, "succeeded"), said)
        self.assertEqual(digest(self.folder / "train" / "data"), snapshot)

    def misbehave(self, trainer, timeout="1m", **changes):
        """The cause that is told of a trainer of a few lines; nothing of it runs any more."""
        (self.source / "train.py").write_text(trainer)
        manifest = self.folder / "model.yaml"
        manifest.write_text((EXAMPLE / "manifests" / "model.yaml").read_text().replace(
            "timeout: 2m", f"timeout: {timeout}"))
        self.spec.write_text(json.dumps(json.loads(self.spec.read_text())
                                        | {"manifest": str(manifest)} | changes))
        _, said, train = self.run_verb("train")
        self.assertIn("sandbox: own session, no new privileges, ", said)
        self.assertEqual(processes_below(self.folder), [])
        self.assertEqual(train["state"], "failed")
        return train["why"]

    def test_a_trainer_that_leaves_a_daemon_and_hangs(self):
        why = self.misbehave(
            "import os, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0:\n"
            "        time.sleep(1000)\n"
            "    os._exit(0)\n"
            "time.sleep(1000)\n", "3s")
        self.assertIn("the trainer: took longer than its timeout", why)

    def test_a_trainer_that_writes_without_end(self):
        why = self.misbehave(
            "import os\n"
            "with open(os.environ['LINNET_MODEL_DIR'] + '/big', 'wb') as out:\n"
            "    for _ in range(64):\n"
            "        out.write(bytes(1 << 20))\n", fileSize="8Mi")
        self.assertIn("File too large", why)

    def test_a_trainer_that_forks_without_end(self):
        why = self.misbehave(
            "import os, time\n"
            "for _ in range(100):\n"
            "    if os.fork() == 0:\n"
            "        time.sleep(1000)\n"
            "        os._exit(0)\n"
            "time.sleep(1000)\n", "3s", processes=16)
        self.assertRegex(why, "Resource temporarily unavailable|took longer")

    def test_a_trainer_that_reaches_for_what_is_not_its_own(self):
        for path in (self.folder / "stolen", "/etc/linnet-stolen", "/usr/linnet-stolen"):
            why = self.misbehave(f"open({str(path)!r}, 'w').write('x')\n")
            self.assertRegex(why, "Permission denied|Read-only file system")
            self.assertFalse(pathlib.Path(path).exists())
            shutil.rmtree(self.folder / "train")
        why = self.misbehave(f"raise SystemExit(open({str(self.data)!r}).read())\n")
        self.assertRegex(why, "Permission denied|No such file or directory")

    def kill_at_each_step(self):
        """Starts the run again and again; each time it is killed at what it says or leaves next."""
        out, kills = self.folder / "train", 0
        steps = [lambda: (out / "data").exists(),
                 lambda: (out / "stages" / "snapshot.json").exists(),
                 lambda: any((out / "rows").glob("*.part")),
                 lambda: (out / "stages" / "split.json").exists(),
                 lambda: any((out / "fit").glob("candidate-*/params.json")),
                 lambda: (out / "server" / "model").exists(),
                 lambda: (out / "stages" / "candidate-0.json").exists(),
                 lambda: (out / "fit" / "refit").exists(),
                 lambda: (out / "stages" / "refit.json").exists(),
                 lambda: any(self.store.glob("sha256/*"))]
        for step in steps:
            with subprocess.Popen(self.command("train"), stdout=subprocess.DEVNULL) as run:
                wait(120, "a step of the run", lambda: step() or run.poll() is not None)
                kills += run.poll() is None
                run.kill()
            wait(20, "nothing runs any more", lambda: not processes_below(out))
        return kills

    def test_killed_at_each_step_it_ends_as_if_never_killed(self):
        self.assertGreaterEqual(self.kill_at_each_step(), 6)
        status, said, train = self.run_verb("train")
        self.assertEqual((status, train["state"]), (0, "succeeded"), said)
        wanted = {self.stored(train["artifact"]["digest"], "tar").name,
                  self.stored(train["rows"]["digest"], "csv").name}
        self.assertEqual({path.name for path in (self.store / "sha256").iterdir()}, wanted)
        for path in (self.store / "sha256").iterdir():
            self.assertEqual(digest(path), "sha256:" + path.stem)
        shutil.rmtree(self.folder / "train")
        shutil.rmtree(self.store)
        again = self.run_verb("train")[2]
        self.assertEqual((again["artifact"], again["rows"]), (train["artifact"], train["rows"]))

    def test_a_server_that_is_never_ready(self):
        (self.source / "serve.py").write_text("import time\ntime.sleep(1000)\n")
        spec = json.loads(self.spec.read_text())
        self.spec.write_text(json.dumps({**spec, "startTimeout": "2s"}))
        status, _, train = self.run_verb("train")
        self.assertEqual((status, train["state"]), (2, "failed"))
        self.assertIn("the server was not ready in time", train["why"])
        self.assertFalse(self.store.exists())
        self.assertEqual(processes_below(self.folder), [])


if __name__ == "__main__":
    unittest.main()
