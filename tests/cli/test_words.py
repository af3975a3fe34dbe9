"""Words, flags, exit status, output: what scripts depend on. And that every help says the same."""

import json
import os
import pty
import re
import shutil
import subprocess
import threading

import yaml

from cli import BIN, GOLDEN, ROOT, CliTest, git, linnet

D = "production/deployment-risk"


def verbs():
    lines = linnet("--help")[1].split("\n\n")[2].splitlines()
    return [line.split()[0] for line in lines]


class ExitTest(CliTest):
    def test_0_is_done_2_is_changes_1_is_an_error(self):
        _, fleet = self.fleet()
        self.assertEqual(linnet("plan", "--base", "main", "--path", "manifests", "--repo", fleet)[0], 0)
        file = fleet / "manifests/deployment.yaml"
        file.write_text(file.read_text().replace("replicas: 2", "replicas: 3"))
        git(fleet, "checkout", "-qb", "more")
        git(fleet, "commit", "-qam", "more")
        self.assertEqual(linnet("plan", "--base", "main", "--path", "manifests", "--repo", fleet)[0], 2)
        file.write_text("apiVersion: linnet.dev/v1alpha1\nkind: ModelDeploymend\n")
        self.assertEqual(linnet("validate", fleet / "manifests")[0], 1)
        self.assertEqual(linnet("nothing")[0], 1)
        self.assertEqual(linnet()[0], 1)
        for words in (["--help"], ["version"], ["help"], ["plan", "--help"], ["man", "--help"]):
            status, out, _ = linnet(*words)
            self.assertEqual(status, 0, words)
            self.assertNotIn("(null)", out)

    def test_what_people_try_first(self):
        self.assertEqual(self.ok("--version"), self.ok("version"))
        self.assertEqual(self.ok("--version", "-o", "json"), self.ok("version", "-o", "json"))
        self.assertEqual(self.ok("help"), self.ok("--help"))
        self.assertEqual(self.ok("help", "plan"), self.ok("plan", "--help"))
        self.assertIn("unknown verb 'paln'; did you mean plan", self.fails("help", "paln"))

    def test_a_path_without_manifests_is_a_mistake(self):
        _, fleet = self.fleet()
        empty = fleet / "empty"
        empty.mkdir()
        self.assertIn("there is no manifest in", self.fails("validate", empty))
        (empty / "ci.yaml").write_text("jobs: {}\n")
        self.assertIn(f"there is no manifest in {empty}", self.fails("validate", empty))
        self.assertIn("there is no manifest in", self.fails("validate", empty, "-o", "json"))
        self.assertIn("No such file", self.fails("validate", fleet / "nope"))
        git(fleet, "add", "-A")
        git(fleet, "commit", "-qm", "an empty folder")
        plan = ("plan", "--base", "main", "--repo", fleet, "--path")
        self.assertIn("there is no folder 'nope' at HEAD", self.fails(*plan, "nope"))
        self.assertIn("there is no manifest in 'empty' at HEAD", self.fails(*plan, "empty"))

    def test_what_is_deleted_on_purpose_is_planned(self):
        _, fleet = self.fleet()
        git(fleet, "checkout", "-qb", "gone")
        git(fleet, "rm", "-rq", "manifests")
        git(fleet, "commit", "-qm", "gone")
        status, out, _ = linnet("plan", "--base", "main", "--repo", fleet, "--path", "manifests")
        self.assertEqual(status, 2)
        self.assertIn(f"- retire {D}", out)

    def test_a_source_that_is_no_folder_is_a_mistake(self):
        _, fleet = self.fleet()
        file = fleet / "manifests/model.yaml"
        git(fleet, "checkout", "-qb", "wrong")
        text = file.read_text().replace("source: apps/risk", "source: apps/nope")
        file.write_text(text)
        line = text[:text.index("apps/nope")].count("\n") + 1
        expected = (f"model.yaml:{line}:13: spec.train.source: there is no folder 'apps/nope'; write its "
                    "path from the root of the repository, or add it\n")
        validate, plan = ("validate", fleet / "manifests"), ("plan", "--base", "main", "--path",
                                                             "manifests", "--repo", fleet)
        status, out, _ = linnet(*validate)
        self.assertEqual(status, 1)
        self.assertIn(expected, out)
        self.assertIn("spec.serve.source: there is no folder 'apps/nope'", out)
        git(fleet, "commit", "-qam", "wrong")
        self.assertIn(expected, self.fails(*plan))
        (fleet / "apps/nope").mkdir()
        (fleet / "apps/nope/train.py").touch()
        self.ok(*validate)
        self.assertIn(expected, self.fails(*plan))
        git(fleet, "add", "-A")
        git(fleet, "commit", "-qm", "its folder")
        self.assertEqual(linnet(*plan)[0], 2)
        shutil.rmtree(fleet / "apps")
        (fleet / ".git").rename(self.home / "git")
        self.ok(*validate)

    def test_plan_says_what_gets_looser(self):
        _, fleet = self.fleet()
        file = fleet / "manifests/model.yaml"
        git(fleet, "checkout", "-qb", "looser")
        file.write_text(file.read_text().replace("min: 70%", "min: 60%"))
        git(fleet, "commit", "-qam", "looser")
        plan = ("plan", "--path", "manifests", "--repo", fleet, "--base")
        status, out, _ = linnet(*plan, "main")
        self.assertEqual(status, 2)
        self.assertIn("its gate is looser: recall of High at least 0.6, was 0.7", out)
        self.assertIn("needs one more approval", out)
        git(fleet, "checkout", "-qb", "stricter")
        file.write_text(file.read_text().replace("min: 60%", "min: 75%"))
        git(fleet, "commit", "-qam", "stricter")
        self.assertNotIn("looser", linnet(*plan, "looser")[1])

    def test_what_is_compared_with_is_asked_for_where_it_is_missing(self):
        _, fleet = self.fleet()
        git(fleet, "branch", "-qD", "linnet/status")
        url = ("--repo", f"file://{fleet}")
        cache = {"XDG_CACHE_HOME": str(self.home / "cache")}
        plan = ("plan", "--path", "manifests", *url)
        self.assertIn("origin/main is not here to compare HEAD with: run git fetch origin main, or name "
                      "another revision with --base", linnet(*plan, env=cache)[2])
        self.assertIn("--base nothing is no revision here",
                      linnet(*plan, "--base", "nothing", env=cache)[2])
        self.assertEqual(linnet(*plan, "--base", "main", env=cache)[0], 0)
        self.assertEqual(linnet("status", *url, env=cache)[1],
                         "no branch linnet/status there yet: no controller has written one\n")

    def test_mistaken_words(self):
        for words, expected in (
                (["stauts"], "did you mean status"), (["man1"], "unknown verb"),
                (["status", "--rep", "."], "did you mean --repo"),
                (["explain"], "usage: linnet explain KIND[.PATH]"),
                (["version", "x"], "too many words: 'x'"),
                (["status", "-o", "xml"], "write one of table, json, yaml"),
                (["status", "-o"], "-o needs a value: FORMAT"),
                (["init", "--print=yes"], "--print takes no value"),
                (["schema", "Model", "-o", "json"], "unknown flag -o of schema"),
                (["history", "-n", "many"], "-n: "),
                (["completion", "tcsh"], "write bash, zsh or fish"),
                (["status", "--repo", "/nowhere"], "no Git repository at '/nowhere'"),
                (["status", "--repo", "ftp://x/y"], "https")):
            self.assertIn(expected, self.fails(*words), words)

    def test_outside_of_a_fleet_every_verb_says_what_to_do(self):
        for words in (["plan"], ["status"], ["history"], ["why", D], ["why", "risk"],
                      ["estimate", D], ["verify", D], ["hold", D, "--reason", "x"],
                      ["resume", D], ["approve", D], ["reject", D], ["rollback", D],
                      ["retry", D], ["kick", "risk"], ["restart", D],
                      ["accept-rewind", "a" * 40, "b" * 40]):
            said = self.fails(*words, cwd=self.home)
            self.assertEqual(said, "linnet: there is no Git repository at '.': run this in a checkout "
                             "of the fleet, or name one with --repo (a folder or a url)\n", words)

    def test_validate_says_what_comes_before_a_version_without_gates(self):
        model = self.home / "model.yaml"
        text = re.sub(r"\n  gates:\n(    .*\n)+", "\n",
                      (ROOT / "examples/deployment-risk/manifests/model.yaml").read_text())
        model.write_text(text)
        self.assertIn("admitted by the guards alone, on rows that may have trained it",
                      self.ok("validate", self.home))
        model.write_text(re.sub(r"(?m)^  (train|triggers|data):\n(    .*\n)+", "", text))
        self.assertIn("deployment-risk: no gate is declared: a version that is made elsewhere is "
                      "admitted untested, since it names no data", self.ok("validate", self.home))

    def test_validate_names_the_keys_that_nothing_acts_on(self):
        _, fleet = self.fleet()
        said = self.ok("validate", fleet / "manifests").splitlines()
        self.assertEqual([line.split(" is checked, ")[0] for line in said if "nothing acts" in line], [
            "deployment-risk: spec.triggers: performance", "deployment-risk: spec.triggers: drift",
            "deployment-risk: spec.keepVersions",
            f"{D}: spec.monitor.groundTruth", f"{D}: spec.monitor.drift",
            f"{D}: spec.monitor.performance", f"{D}: spec.alerts",
            "cluster: spec.serving.kubernetes", "production: spec.checklist",
            "production: spec.notify"])
        self.assertNotIn("nothing acts", self.ok("validate", ROOT / "examples/deployment-risk"))

    def test_output_is_the_same_in_each_format(self):
        remote, _ = self.fleet()
        for words in (["status"], ["history"], ["version"], ["status", D]):
            repo = [] if words == ["version"] else ["--repo", remote]
            value = json.loads(self.ok(*words, "-o", "json", *repo))
            text = self.ok(*words, "-o", "yaml", *repo)
            self.assertEqual(yaml.load(text, yaml.BaseLoader), self.texts(value), words)

    def texts(self, value):
        """As BaseLoader reads it: every scalar a text."""
        if isinstance(value, dict):
            return {key: self.texts(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.texts(item) for item in value]
        return {True: "true", False: "false", None: "null"}.get(value, str(value)) \
            if not isinstance(value, str) else value


class TerminalTest(CliTest):
    def on_a_terminal(self, *words, env=None):
        master, slave = pty.openpty()
        done = subprocess.run([BIN / "linnet", *map(str, words)], stdout=slave, check=False,
                              env={**os.environ, **(env or {})})
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(master)
        self.assertEqual(done.returncode, 0)
        return out.decode()

    def test_colour_on_a_terminal_only(self):
        remote, _ = self.fleet()
        plain = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        os.environ.pop("NO_COLOR", None)
        self.addCleanup(os.environ.update, plain)
        self.assertIn("\x1b[", self.on_a_terminal("status", "--repo", remote))
        self.assertNotIn("\x1b[", self.on_a_terminal("status", "--repo", remote,
                                                     env={"NO_COLOR": "1"}))
        self.assertNotIn("\x1b[", self.ok("status", "--repo", remote))

    def test_watch_prints_a_line_for_each_change(self):
        remote, fleet = self.fleet()
        with subprocess.Popen([BIN / "linnet", "status", "--watch", "--repo", remote], text=True,
                              stdout=subprocess.PIPE) as watch:
            stop = threading.Timer(60, watch.kill)
            stop.start()
            self.assertIn(f"{D} Canary v2 75 %, v3 25 %", watch.stdout.readline())
            text = (GOLDEN / "status.yaml").read_text().replace("75%", "0%").replace("25%", "100%")
            self.put_status(fleet, text)
            self.assertIn(f"{D} Canary v2 0 %, v3 100 %", watch.stdout.readline())
            stop.cancel()
            watch.kill()


class EvidenceTest(CliTest):
    def setUp(self):
        super().setUp()
        self.remote, self.checkout = self.fleet()
        blob = git(self.checkout, "rev-parse", "main:manifests/deployment.yaml")
        self.put_status(self.checkout, (GOLDEN / "status.yaml").read_text().replace(
            "manifest: 9a0c", f"manifest: {blob}"))

    def test_estimate(self):
        def steps(rate):
            return json.loads(self.ok("estimate", D, "--rate", rate, "-o", "json", "--repo",
                                      self.remote))["steps"]
        slow, fast = steps(10), steps(100)
        self.assertEqual([step["weight"] for step in slow], [0.05, 0.25])
        self.assertEqual(slow[0]["leastSeconds"], 1000)  # minRequests: 500 at half a request a second
        self.assertEqual(fast[0]["leastSeconds"], 600)   # minDuration: 10m
        self.assertAlmostEqual(slow[0]["fivePercentErrorsSeconds"],
                               10 * fast[0]["fivePercentErrorsSeconds"])
        out = self.ok("estimate", D, "--rate", "10", "--repo", self.remote)
        self.assertIn("5 %    17 min", out)
        self.assertIn("say it with --rate", self.fails("estimate", D, "--repo", self.remote))
        self.assertIn("--rate: ", self.fails("estimate", D, "--rate", "x", "--repo", self.remote))

    def test_why_of_a_declared_metric(self):
        blob = git(self.checkout, "hash-object", "-w", GOLDEN / "kinds/deployment.yaml")
        git(self.checkout, "tag", "declared", blob)
        git(self.checkout, "push", "-q", "origin", "declared")
        text = (GOLDEN / "status.yaml").read_text().replace("manifest: 9a0c", f"manifest: {blob}")
        self.put_status(self.checkout, text.replace("promoted:", "  evidence:\n    revision: " + "dda1"
                        "8a0e21ae47c53b4309434cbc02ae8bf764fa83a6defbb719431242722aa7\n    judged: "
                        "2026-07-02T00:00:00Z\npromoted:", 1))
        out = self.ok("why", D, "--repo", self.remote)
        self.assertIn("Evidence of the decision at 2026-07-02T00:00:00Z, v3:", out)
        self.assertRegex(out, r"errors +no requests were counted")
        self.assertRegex(out, r"checkout +no answer yet")

    def test_why_tells_the_newest_word_of_the_gates(self):
        blob = git(self.checkout, "rev-parse", "main:manifests/deployment.yaml")
        digest = "dda18a0e21ae47c53b4309434cbc02ae8bf764fa83a6defbb719431242722aa7"
        admitted = "".join(f"  - revision: {digest}\n    verdict: {result}\n    why: {why}\n"
                           f"    at: 2026-07-01T0{hour}:00:00Z\n"
                           for result, why, hour in [("PASS", "all hold", 2),
                                                     ("INCONCLUSIVE", "not evaluated yet", 1)])
        text = (GOLDEN / "status.yaml").read_text().replace("manifest: 9a0c", f"manifest: {blob}")
        self.put_status(self.checkout, text + "admitted:\n" + admitted)
        self.assertIn("gates:  PASS: all hold", self.ok("why", D, "--repo", self.remote))

    def test_why_and_verify_say_what_is_missing(self):
        self.assertIn("no decision was made from any yet; --state DIR shows",
                      self.ok("why", D, "--repo", self.remote))
        self.assertIn("no decision of production/deployment-risk was made from evidence",
                      self.fails("verify", D, "--repo", self.remote))
        self.assertIn("decided nothing from evidence",
                      self.fails("verify", git(self.remote, "rev-parse", "linnet/status"),
                                 "--repo", self.remote))
        self.assertIn("does not exist", self.fails("why", D, "--state", self.home, "--repo",
                                                   self.remote))

    def test_verify_takes_no_deployment_for_its_namesake(self):
        text = (GOLDEN / "status.yaml").read_text()
        self.put_status(self.checkout, text.replace("promoted:", "  evidence:\n    revision: " + "dda1"
                        "8a0e21ae47c53b4309434cbc02ae8bf764fa83a6defbb719431242722aa7\n    judged: "
                        "2026-07-02T00:00:00Z\npromoted:", 1))
        status, out, _ = linnet("verify", D, "--repo", self.remote)
        self.assertEqual(status, 1)
        self.assertIn("cannot be made again", out)  # its manifest is not here
        for other in ("staging/deployment-risk", "production/deployment", "production/risk"):
            self.assertIn(f"no decision of {other} was made",
                          self.fails("verify", other, "--repo", self.remote))


    def test_a_model_that_was_not_evaluated(self):
        self.put_status(self.checkout, "apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\n"
                        "metadata: {name: risk}\ncycle: {phase: Waiting, message: a person}\n",
                        path="status/models/risk.yaml")
        out = self.ok("why", "risk", "--repo", self.remote)
        self.assertIn("risk: Waiting since ", out)
        self.assertIn("waits:  a person", out)
        self.assertIn("no version was evaluated yet", out)
        self.assertIn("no version of risk was evaluated yet",
                      self.fails("verify", "risk", "--repo", self.remote))
        self.assertIn("no status of rusk on refs/heads/linnet/status", self.fails("why", "rusk", "--repo", self.remote))


class HelpTest(CliTest):
    def test_every_verb_says_its_usage_and_flags(self):
        self.assertGreater(len(verbs()), 15)
        for verb in verbs():
            self.assertIn(f"usage: linnet {verb}", self.ok(verb, "--help"))

    def test_the_manual_holds_every_verb_and_flag(self):
        page = self.ok("man")
        for verb in verbs():
            self.assertRegex(page, rf'(?m)^\.SS "linnet {verb}')
            for flag in re.findall(r"^  (-\S+)", self.ok(verb, "--help"), re.M):
                self.assertIn("\\fB" + flag.replace("-", "\\-"), page)
        self.assertIn(".SH EXIT STATUS", page)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-wall"], input=page, text=True,
                                  capture_output=True, check=True)
            self.assertNotRegex(done.stderr, "<standard input>")
