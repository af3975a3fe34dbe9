"""The replay of real commits: its rules on made-up ones, and twelve of its weeks."""
import csv
import datetime
import importlib.machinery
import importlib.util
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

    def test_when_a_run_is_due(self):
        cycle = replay.Cycle()
        enough = int(replay.NEW_ROWS)
        self.assertEqual(cycle.due(after(0), 10, [])[0], "first")
        cycle.ended(after(0), 10, "first", False)
        self.assertIsNone(cycle.due(after(6), 10, []), "it cools down")
        self.assertEqual(cycle.due(after(7), 10, [])[0], "first")
        cycle.ended(after(7), 10, "first", False)
        self.assertIsNone(cycle.due(after(21), 9 + enough, []), "twice in vain")
        self.assertEqual(cycle.due(after(28), 10 + enough, [])[0], "first")
        cycle.ended(after(28), 10 + enough, "first", True)
        self.assertIsNone(cycle.due(after(35), 9 + 2 * enough, ["v1"]))
        self.assertEqual(cycle.due(after(35), 10 + 2 * enough, ["v1"])[0], "newRows")

    def test_a_tenth_of_shared_rows_is_a_use(self):
        ledger = replay.Ledger()
        for begin, end, uses in ((0, 100, 1), (91, 191, 1), (90, 190, 3), (300, 400, 1)):
            self.assertEqual(ledger.use({"from": after(begin).isoformat(),
                                         "to": after(end).isoformat()}), uses)

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
