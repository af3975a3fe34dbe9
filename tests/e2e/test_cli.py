"""The command line as people and CI use it: words, exit codes, JSON."""

import json
import os
import random
import re
import shutil
import subprocess
import unittest
import unittest.mock

from world import BIN, Load, World, wait


class CliTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.declare("v1")

    def linnet(self, *words, repo=None, env=None):
        """(exit status, standard output, standard error) of a call on the checkout."""
        where = [] if words[0] == "validate" else ["--repo", repo or self.world.fleet]
        done = subprocess.run([BIN / "linnet", *words, *where], capture_output=True,
                              text=True, timeout=90, check=False, env=env)
        return done.returncode, done.stdout, done.stderr

    def branch_with(self, old, new):
        """A commit on a branch that replaces text in the deployment."""
        self.world.git(self.world.fleet, "fetch", "-q", "origin")
        self.world.git(self.world.fleet, "checkout", "-qb", "change")
        file = self.world.fleet / "manifests/deployment.yaml"
        file.write_text(file.read_text().replace(old, new))
        self.world.git(self.world.fleet, "commit", "-qam", "change")

    def test_validate_names_the_place_the_cause_and_the_fix(self):
        status, out, _ = self.linnet("validate", str(self.world.fleet / "manifests"))
        self.assertEqual(status, 0, out)
        file = self.world.fleet / "manifests/deployment.yaml"
        file.write_text(file.read_text().replace("replicas: 2", "replica: 2"))
        status, out, _ = self.linnet("validate", str(self.world.fleet / "manifests"))
        self.assertEqual(status, 1)
        self.assertRegex(out, r"deployment\.yaml:\d+:\d+: .*replica.*did you mean 'replicas'")
        status, out, _ = self.linnet("validate", str(self.world.fleet / "manifests"), "-o", "json")
        self.assertEqual(status, 1)
        self.assertEqual(len(json.loads(out)["diagnostics"]), 1)

    def test_plan_says_what_a_merge_would_do(self):
        self.world.git(self.world.fleet, "fetch", "-q", "origin")
        status, out, err = self.linnet("plan", "--path", "manifests")
        self.assertEqual((status, err), (0, ""), out)
        self.branch_with("replicas: 2", "replicas: 3")
        status, out, _ = self.linnet("plan", "--path", "manifests")
        self.assertEqual(status, 2)
        self.assertIn("parameters prod/echo", out)
        self.assertIn("live state unknown", out)
        status, out, _ = self.linnet("plan", "--path", "manifests", "-o", "json")
        self.assertEqual(status, 2)
        self.assertEqual([change["key"] for change in json.loads(out)["changes"]], ["prod/echo"])
        self.branch_with_error()

    def branch_with_error(self):
        file = self.world.fleet / "manifests/deployment.yaml"
        file.write_text(file.read_text().replace("replicas: 3", "replicas: many"))
        self.world.git(self.world.fleet, "commit", "-qam", "broken")
        status, _, err = self.linnet("plan", "--path", "manifests")
        self.assertEqual(status, 1)
        self.assertIn("replicas", err)

    def test_plan_with_live_state_tells_the_rollout(self):
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.world.git(self.world.fleet, "fetch", "-q", "origin",
                       "linnet/status:refs/remotes/origin/linnet/status")
        self.world.git(self.world.fleet, "checkout", "-qb", "two")
        text = (self.world.fleet / "manifests/echo-v1.yaml").read_text()
        text = text.replace("echo-v1", "echo-v2").replace("version: v1\n", "version: v2\n")
        tree = self.world.git(self.world.fleet, "rev-parse", "HEAD:manifests")
        self.world.write("manifests/echo-v2.yaml", text.replace(
            text.split('tree: "')[1].split('"')[0], tree))
        file = self.world.fleet / "manifests/deployment.yaml"
        file.write_text(file.read_text().replace("version: v1", "version: v2"))
        self.world.git(self.world.fleet, "add", "-A")
        self.world.git(self.world.fleet, "commit", "-qm", "v2")
        status, out, err = self.linnet("plan", "--path", "manifests", "--base", "origin/main")
        self.assertEqual(status, 2, err)
        self.assertIn("v1 -> v2, canary 5 % -> 25 % -> 100 %", out)
        self.assertNotIn("\x1b[", out)
        status, out, _ = self.linnet("status", repo=self.world.remote)
        self.assertEqual(status, 0)
        self.assertIn("prod/echo", out)
        self.assertEqual(self.linnet("status", "prod/none", repo=self.world.remote)[0], 1)

    def test_wrong_words_are_told_with_the_nearest_right_ones(self):
        for words, expected in ((["stats"], "did you mean status"), (["--x"], "unknown verb"),
                                (["status", "--rep"], "unknown flag"), (["kick"], "usage"),
                                (["status", "-o", "xml"], "table, json, yaml")):
            done = subprocess.run([BIN / "linnet", *words], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(expected, done.stderr)

    def test_what_init_writes_trains_and_serves(self):
        shutil.rmtree(self.world.fleet / "manifests")
        shutil.rmtree(self.world.fleet / "apps")
        subprocess.run([BIN / "linnet", "init", self.world.fleet], check=True,
                       stdout=subprocess.DEVNULL)
        dice = random.Random(7)
        rows = [(i, dice.randrange(100), dice.randrange(24)) for i in range(2000)]
        (self.world.home / "rows.csv").write_text("id,size,hour,level\n" + "".join(
            f"{i},{size},{hour},{'High' if size > 60 or hour > 20 else 'Low'}\n"
            for i, size, hour in rows))
        self.world.push("a fleet")
        with unittest.mock.patch.dict(os.environ, PATH="/usr/bin:/bin"):  # scikit-learn's Python
            self.world.start()
        wait(60, "v1 serves", lambda: "v1 100 %" in self.linnet(
            "status", "production/hello", repo=self.world.remote)[1])

    def test_data_from_where_it_may_not_come_is_said_and_never_asked_for(self):
        """The controller's data.allow names nothing: whatever a commit asks for is refused."""
        self.world.edit("  serve:", "  train: {command: ['true'], source: apps/echo, "
                        "candidates: [{name: one}], split: {by: hash}}\n"
                        "  triggers: [{event: e}]\n  serve:", "trained", "manifests/model.yaml")
        self.world.edit("  serve:", '  data: {uri: "https://127.0.0.1:1/rows.csv", label: y}\n'
                        "  serve:", "elsewhere", "manifests/model.yaml")
        self.world.start()
        self.world.linnet("kick", "echo", "--event", "e")
        wait(30, "it is said", lambda: "model.yaml:1: data.uri https://127.0.0.1:1/rows.csv: is not "
             "in the controller's data.allow" in self.world.linnet("status"))
        self.assertFalse((self.world.state / "runs").exists() and
                         any((self.world.state / "runs").iterdir()))

    def test_each_request_is_told_with_its_reason_and_the_commit_that_made_it(self):
        """Also of several that the controller fetches at once."""
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.world.stop()
        commits = [json.loads(self.linnet("kick", "echo", "--reason", reason, "-o", "json",
                                          repo=self.world.remote)[1])["commit"]
                   for reason in ("first things", "second thoughts")]
        self.world.start()
        wait(30, "both are told", lambda: self.told("second thoughts"))
        for commit, reason in zip(commits, ("first things", "second thoughts")):
            self.assertIn(f"commit {commit[:10]}: {reason}", self.told(reason)[0])

    def told(self, words):
        """What the history says of the model in these words."""
        out = self.linnet("history", "echo", "-o", "json", repo=self.world.remote)[1]
        return re.findall(rf'"[^"]*{words}[^"]*"', out)

    def test_why_tells_the_evidence_and_what_is_missing(self):
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.assertIn("errors   no requests were counted", self.linnet(
            "why", "prod/echo", repo=self.world.remote)[1])
        with Load(self.world.port):
            self.world.declare("v2", edit=lambda text: text.replace("minRequests: 40",
                                                                    "minRequests: 100"))
            out = wait(60, "requests are counted", self.counted)
            self.assertRegex(out, r"prod/echo: Canary since 20")
            self.assertRegex(out, r"Evidence until .*, v2 against v1:")
            self.assertRegex(out, r"step 1 of 3, 5 %: \d+ of at least 100 requests")
            self.assertRegex(out, r"errors +candidate .* requests, stable .*\n"
                                  r".*harm: e-value .*, rolls back at 1\d\d")
            wait(90, "v2 is promoted", lambda: self.world.status().get("stable", {}).get(
                "version") == "v2")
        status, out, _ = self.linnet("why", "prod/echo", "-o", "json", repo=self.world.remote)
        errors = json.loads(out)["findings"][0]
        self.assertEqual((status, errors["metric"], errors["candidateBad"]), (0, "errors", 0))
        self.assertGreaterEqual(errors["notWorseLn"], errors["notWorseAt"])
        self.verify_every_decision()
        steps = json.loads(self.linnet("estimate", "prod/echo", "-o", "json",
                                       repo=self.world.remote)[1])["steps"]
        self.assertEqual([step["weight"] for step in steps], [0.05, 0.25])
        self.assertGreater(steps[0]["fivePercentErrorsSeconds"],
                           steps[1]["fivePercentErrorsSeconds"])
        self.assertIn("of the decision at", self.linnet("why", "prod/echo",
                                                        repo=self.world.remote)[1])

    def counted(self):
        """What `why` says of a canary, once requests of it are counted."""
        out = self.linnet("why", "prod/echo", "--state", self.world.state,
                          repo=self.world.remote)[1]
        return "prod/echo: Canary" in out and "e-value" in out and out

    def verify_every_decision(self):
        """Steps and promotions of v2 are made again; what has no evidence says so."""
        verified = 0
        for line in self.world.history().splitlines():
            status, out, err = self.linnet("verify", line.split()[1], repo=self.world.remote)
            if status == 0:
                self.assertIn("the same to the last byte", out)
                verified += 1
            else:
                self.assertIn("decided nothing from evidence", err)
        self.assertGreaterEqual(verified, 3)
        status, out, _ = self.linnet("verify", "prod/echo", "-o", "json", repo=self.world.remote)
        self.assertEqual(status, 0, out)
        decision = json.loads(out)[0]
        self.assertEqual(decision["what"], "promoted (v2)")
        self.forge(decision["commit"])

    def forge(self, commit):
        """The same decision with other words is found out."""
        clone = self.world.home / "forged"
        self.world.git(self.world.home, "clone", "-q", "-b", "linnet/status", self.world.remote,
                       clone)
        self.world.git(clone, "reset", "-q", "--hard", commit)
        file = clone / "status/prod/echo.yaml"
        file.write_text(file.read_text().replace("no harm shown", "no harm at all"))
        self.world.git(clone, "commit", "-qa", "--amend", "-m", "forged")
        status, out, _ = self.linnet("verify", "prod/echo", repo=clone)
        self.assertEqual(status, 1)
        self.assertIn("DIFFERENT", out)

    def test_a_restart_that_a_person_asks_for(self):
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        before = set(self.world.replicas())
        status, out, _ = self.linnet("restart", "prod/echo", repo=self.world.remote)
        self.assertEqual(status, 0, out)
        wait(40, "other processes serve", lambda: len(self.world.replicas()) == 2
             and not before & set(self.world.replicas()))


if __name__ == "__main__":
    unittest.main()
