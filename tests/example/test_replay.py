"""The replay of real commits: its rules on made-up ones, and twelve of its weeks."""
import csv
import datetime
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

TOP = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("LINNET_BIN", TOP / "build")).resolve()
DATA = TOP.parent / "shared" / "data" / "commit-risk.csv"
SECONDS = 1800

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("replay", str(TOP / "hack" / "replay"))
replay = importlib.util.module_from_spec(importlib.util.spec_from_loader("replay", loader))
loader.exec_module(replay)

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def after(days):
    return START + days * DAY


class RulesTest(unittest.TestCase):
    def test_a_label_is_what_was_known_by_then(self):
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder) / "all.csv", Path(folder) / "week.csv"
            names = ["id", "committed_at", *replay.INPUTS, "outcome", "outcome_known_at"]
            with open(path, "w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(names)
                for name, day, outcome, known in (
                        ("young", 20, "High", 21), ("late", 2, "High", 90),
                        ("soon", 1, "Medium", 3), ("good", 0, "Low", None)):
                    table.writerow([name, after(day).isoformat(), *["0"] * len(replay.INPUTS),
                                    outcome, after(known).isoformat() if known else ""])
            history = replay.History(path)
            for day, expected in ((40, ["no", "yes", "no"]), (95, ["no", "yes", "yes", "yes"])):
                history.write(out, after(day))
                with open(out, newline="", encoding="utf-8") as file:
                    self.assertEqual([row["went_wrong"] for row in csv.DictReader(file)], expected)
            _, failed = history.between(after(1), after(20))
            self.assertEqual(list(failed), [True, True])

    def test_the_planner_decides(self):
        """When a run is due, how often its rows have answered, and that a PASS is proposed."""
        enough = int(replay.declared(r"newRows: (\d+)"))
        with tempfile.TemporaryDirectory() as folder:
            planner = replay.Planner(Path(folder))

            def week(day, rows):
                return planner.tell("week", int(after(day).timestamp() * 1000), rows)[1]

            def end(verb, run, **result):
                path = Path(folder) / f"{verb}.json"
                path.write_text(json.dumps({"run": "sha256:" + run} | result), encoding="utf-8")
                return planner.tell(verb, path)

            self.assertEqual((first := week(0, 10))[2], "first")
            self.assertEqual(end("trained", first[1], state="failed", considered=True,
                                 why="few rows"), (None, ["rest", "Idle"]))
            self.assertEqual(week(6, 10 + enough), ["rest", "Idle"], "it cools down")
            self.assertEqual(week(8, 9 + enough), ["rest", "Idle"])
            for n in (1, 2):
                begun = week(8 * n, 10 + n * enough)
                self.assertEqual(begun[2], "newRows")
                rows = {"digest": f"sha256:{n:064}", "count": 100,
                        "from": after(8).isoformat(), "to": after(8 + n).isoformat()}
                _, wanted = end("trained", begun[1], state="succeeded", rows=rows,
                                artifact={"digest": f"sha256:{n:064}", "bytes": 1})
                self.assertEqual(wanted, ["evaluate", begun[1], str(n), "-" if n == 1 else "v1"])
                verdict = {"verdict": "PASS", "subject": f"sha256:{n:064}"}
                self.assertEqual(end("evaluated", begun[1], state="succeeded", **verdict),
                                 (f"v{n}", ["rest", "Idle"]))
            planner.close()

    def test_the_comparison(self):
        class Fixed:
            def __init__(self, scores):
                self.scores = scores

            def predict(self, columns, count):
                return None, [[1 - score, score] for score in self.scores]

        generator = np.random.default_rng(7)
        failed = generator.random(400) < 0.3
        good, poor = (failed * weight + generator.random(400).round(1) for weight in (0.6, 0.2))
        found = replay.compare(Fixed(poor), Fixed(good), {}, failed)
        for scores, auc in ((poor, found["new"]), (good, found["old"])):
            pairs = scores[failed][:, None] - scores[~failed][None, :]
            self.assertAlmostEqual(auc, ((pairs > 0) + 0.5 * (pairs == 0)).mean())
        self.assertLess(found["high"], -replay.MARGIN)
        self.assertEqual(replay.judge(found), "WORSE, shown")
        self.assertEqual(replay.judge(replay.compare(Fixed(good), Fixed(poor), {}, failed)),
                         "holds")
        self.assertEqual(replay.judge(found | {"gain": -replay.MARGIN, "high": 0}),
                         "holds, not shown")
        self.assertEqual(replay.judge(found | {"high": 0}), "WORSE, not shown")


@unittest.skipUnless(DATA.exists(), "commit-risk.csv is not there")
class WeeksTest(unittest.TestCase):
    def test_twelve_weeks(self):
        done = subprocess.run(
            [TOP / "hack" / "replay", "--from", "2024-06-01", "--weeks", "12"],
            env={**os.environ, "LINNET_BIN": str(BIN)}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^2024-06-01 +9401 first +1411 +1 PASS ")
        self.assertRegex(done.stdout, r"(?m)^2024-08-17 +9927 newRows +1490 +2 PASS ")
        self.assertRegex(done.stdout, r"(?m)^v1->v2 +all after +\d{4} .* (holds|WORSE)")
        self.assertIn("12 weeks: 2 runs, 2 proposals, 0 refusals", done.stdout)
        self.assertTrue(re.search(r"; 0 of 1 accepted versions worse", done.stdout), done.stdout)


if __name__ == "__main__":
    unittest.main()
