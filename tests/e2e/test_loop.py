"""The loop on real parts: what must hold whatever happens (LIFECYCLE.md, FAULTS.md)."""

import json
import os
import signal
import subprocess
import time
import unittest

from world import BIN, DEPLOYMENT, Load, World, wait

# Of more candidates than are trained at once; each trains until it is told that it may end.
SLOW = """\
apiVersion: linnet.dev/v1alpha1
kind: Model
metadata: {name: slow}
spec:
  interface:
    inputs: [{name: n, type: INT64}]
    output: {name: y, type: BYTES, classes: [low, high]}
  data: {uri: "file:rows.csv", label: y, id: id, validate: {minRows: 10}}
  train:
    command: [python3, train.py]
    source: apps/slow
    grid: {t: [1, 2, 3, 4, 5]}
    split: {train: 60%, validation: 20%, test: 20%, by: hash}
  serve: {command: [python3, serve.py], source: apps/slow}
  triggers: [{event: campaign}]
"""
SLOW_TRAINER = """\
import os, time
while not os.path.exists(os.environ["TMPDIR"] + "/go"):
    time.sleep(0.05)
raise SystemExit(1)
"""


class LoopTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.finish)

    def finish(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", []) or []) \
            or bool(getattr(self._outcome.result, "failures", None))
        if failed:
            print(self.world.tail())
        self.world.close(keep=failed and "LINNET_KEEP" in os.environ)

    def serve_v1(self):
        self.world.declare("v1")
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))

    def test_a_good_version_goes_out_by_canary_and_nobody_notices(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            self.world.declare("v2")
            wait(60, "v2 is steady", lambda: self.world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        history = self.world.history()
        self.assertIn("canary 0 % -> 5 % (v2)", history)
        self.assertIn("canary 5 % -> 25 % (v2)", history)
        wait(15, "the old replicas are gone", lambda: len(self.world.replicas()) == 2)

    def test_a_rollout_takes_no_sources_from_a_run(self):
        rows = "".join(f"r{i},{i},{'high' if i % 3 else 'low'}\n" for i in range(300))
        (self.world.home / "rows.csv").write_text("id,n,y\n" + rows)
        self.world.write("manifests/slow.yaml", SLOW)
        self.world.write("apps/slow/train.py", SLOW_TRAINER)
        self.serve_v1()
        runs = self.world.state / "runs"
        wait(30, "it trains", lambda: list(runs.glob("*/train/fit/*/log")))
        self.world.declare("v2")
        wait(30, "v2 was prepared", lambda: self.world.pids("v2"))

        def result():
            for folder in runs.glob("*/train/fit/*/tmp"):
                (folder / "go").touch()
            return next(runs.glob("*/train/train.json"), None)

        train = json.loads(wait(60, "the run has ended", result).read_text())
        self.assertIn("the trainer refused (exit 1)", train["why"])

    def test_a_run_sweeps_what_those_before_it_left(self):
        (self.world.home / "rows.csv").write_text(
            "id,n,y\n" + "".join(f"r{i},{i},{'high' if i % 3 else 'low'}\n" for i in range(300)))
        self.world.write("manifests/slow.yaml", SLOW)
        self.world.write("apps/slow/train.py", "raise SystemExit(1)\n")
        self.serve_v1()
        runs = self.world.state / "runs"

        def ended():
            return {result.parent for result in runs.glob("*/train/train.json")}

        first = wait(60, "the first run ends", ended).pop()
        self.assertTrue((first / "rows/train.csv").exists())
        spec = json.dumps({"model": "slow", "why": "w" * 900000})
        for i in range(100):  # as of a model that has learnt for years: more than memory is given
            folder = runs / f"{i:016x}" / "evaluate"
            folder.mkdir(parents=True)
            (folder / "spec.json").write_text(spec)
            (folder / "evaluate.json").write_text("{}")
        self.world.request("kick", "event: campaign\n", target="models/slow")
        second = (wait(60, "the second run ends", lambda: ended() - {first})).pop()
        left = {str(path.relative_to(first)) for path in first.rglob("*") if path.is_file()}
        self.assertLessEqual({"log", "train.json", "report.json", "stages/split.json",
                              "fit/candidate-0/log"}, left)
        self.assertFalse([path for path in left if path.endswith((".csv", ".py"))], left)
        self.assertTrue((second / "rows/train.csv").exists())

    def test_a_failing_version_is_rolled_back_quarantined_and_reverted(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            self.world.declare("v2", {"failEvery": 4})
            wait(60, "a revert on main", lambda: self.world.declared_version() == "v1")
            self.assertEqual([q["version"] for q in self.world.quarantined()], ["v2"])
            wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.assertEqual(load.failed_by_linnet(failing=("v2",)), {})

    def test_kill_9_of_the_controller_at_any_moment_changes_nothing_for_users(self):
        self.serve_v1()
        before = set(self.world.replicas())
        with Load(self.world.port) as load:
            self.world.declare("v2", edit=lambda t: t.replace("keepPrevious: 2s",
                                                              "keepPrevious: 30s"))
            for i in range(12):
                time.sleep(0.25 + 0.11 * (i % 5))
                self.world.kill()
                self.assertLessEqual(before, set(self.world.replicas()))
                self.world.start()
            wait(60, "v2 is steady", lambda: self.world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        wait(15, "the old replicas are gone", lambda: len(self.world.replicas()) == 2)

    def test_a_candidate_that_dies_costs_no_request(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            self.world.declare("v2")
            wait(30, "answers of v2", lambda: load.count("v2") > 5)
            self.world.kill_replicas("v2")
            killed = time.monotonic()
            wait(20, "weight 0 or a new replica", lambda: self.world.status()
                 .get("candidate", {}).get("weight", 0) == 0 or load.last["v2"] > killed)
        self.assertEqual(load.failed_by_linnet(killed=1), {})

    def test_a_version_that_never_becomes_ready_gets_no_traffic(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            self.world.declare("v2", {"exitAtStart": True})
            wait(60, "a revert on main", lambda: self.world.declared_version() == "v1")
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertEqual(load.count("v2"), 0)

    def test_a_wrong_interface_is_found_before_traffic(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            self.world.declare("v2", {"badInterface": True})
            wait(60, "a revert on main", lambda: self.world.declared_version() == "v1")
        self.assertEqual(load.count("v2"), 0)

    def test_the_fix_preempts_a_bad_rollout(self):
        self.serve_v1()
        with Load(self.world.port) as load:
            self.world.declare("v2", {"readyAfter": 1000})
            wait(20, "v2 provisions", lambda: self.world.phase() == "Provisioning")
            self.world.declare("v3")
            wait(60, "v3 is steady", lambda: self.world.is_steady("v3"))
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertEqual(load.count("v2"), 0)

    def test_a_second_controller_says_so_and_exits(self):
        self.serve_v1()
        second = subprocess.run([BIN / "linnet-controller", "--config", self.world.config],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another linnet-controller", second.stderr)

    def once(self):
        return subprocess.run([BIN / "linnet-controller", "--config", self.world.config, "--once"],
                              capture_output=True, text=True, timeout=60, check=False)

    def test_once_ends_with_the_error_when_the_fleet_is_not_to_be_seen(self):
        done = self.once()  # nothing was pushed yet
        self.assertEqual((done.returncode, done.stderr.count("no branch 'main'")), (1, 2))
        self.world.declare("v1")
        self.assertEqual(self.once().returncode, 0)
        away = self.world.remote.rename(self.world.home / "elsewhere.git")
        done = self.once()
        self.assertEqual(done.returncode, 1)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith(f"linnet-controller: fleet '{self.world.remote}': "), last)
        away.rename(self.world.remote)
        self.assertEqual(self.once().returncode, 0)

    def test_serving_goes_on_while_git_is_away_and_a_dead_replica_is_replaced(self):
        self.serve_v1()
        moved = self.world.remote.with_suffix(".away")
        self.world.remote.rename(moved)
        with Load(self.world.port) as load:
            victim = next(iter(self.world.replicas()))
            os.kill(victim, signal.SIGKILL)
            wait(30, "two replicas again", lambda: len(self.world.replicas()) == 2
                 and victim not in self.world.replicas())
        self.assertEqual(load.failed_by_linnet(killed=1), {})
        moved.rename(self.world.remote)

    def test_a_rewritten_branch_is_not_followed(self):
        self.serve_v1()
        self.world.git(self.world.fleet, "checkout", "-q", "--orphan", "other")
        self.world.git(self.world.fleet, "rm", "-rfq", ".")
        self.world.write("manifests/readme.txt", "nothing here\n")
        self.world.git(self.world.fleet, "add", "-A")
        self.world.git(self.world.fleet, "commit", "-qm", "rewritten")
        self.world.git(self.world.fleet, "push", "-qf", "origin", "other:main")
        wait(15, "the log tells", lambda: "rewritten" in self.world.log.read_text().lower())
        self.assertEqual(len(self.world.replicas()), 2)

    def test_a_broken_manifest_freezes_and_its_mending_goes_on(self):
        self.serve_v1()
        text = (self.world.fleet / "manifests/deployment.yaml").read_text()
        self.world.write("manifests/deployment.yaml", text.replace("replicas: 2", "replicas: two"))
        self.world.push("broken")
        wait(15, "the log or the status tells", lambda: "replicas" in
             str(self.world.status().get("conditions", "")) + self.world.log.read_text())
        self.assertEqual(len(self.world.replicas()), 2)
        self.world.declare("v2")
        with Load(self.world.port):
            wait(60, "v2 is steady", lambda: self.world.is_steady("v2"))

    def test_a_restart_while_a_manifest_is_broken_stops_nothing(self):
        """Unreadable is never empty: text that does not parse, or a link in a manifest's place."""
        self.world.write("manifests/other.yaml", DEPLOYMENT.replace("name: echo,", "name: other,")
                         % {"version": "none", "extra": ""})
        self.serve_v1()
        before = set(self.world.replicas())
        file = self.world.fleet / "manifests/deployment.yaml"
        text = file.read_text()
        file.write_text("kind: [ModelDeployment\n" + text)
        self.world.push("broken")
        self.restart_and_look(before)
        file.unlink()
        file.symlink_to("/etc/hostname")
        self.world.push("a link")
        self.restart_and_look(before)
        file.unlink()
        file.write_text(text.replace("replicas: 2", "replicas: 1"))
        self.world.push("mended")
        wait(20, "one replica", lambda: len(self.world.replicas()) == 1)

    def restart_and_look(self, before):
        head = self.world.git(self.world.fleet, "rev-parse", "HEAD")[:10]
        taken_in = lambda: self.world.log.read_text().count(f"fleet at {head}")
        wait(15, "the commit is taken in", taken_in)
        before_kill = taken_in()
        self.world.kill()
        self.world.start()
        wait(15, "it is taken in again", lambda: taken_in() > before_kill)
        time.sleep(4)       # twice keepPrevious: whatever would be retired were retired by now
        self.assertEqual(set(self.world.replicas()), before)

    def test_what_is_deleted_serves_on_for_keep_previous_then_stops(self):
        self.world.write("manifests/other.yaml", DEPLOYMENT.replace("name: echo,", "name: other,")
                         % {"version": "none", "extra": ""})
        self.serve_v1()
        (self.world.fleet / "manifests/deployment.yaml").unlink()
        self.world.push("gone")
        wait(30, "no replica runs", lambda: not self.world.replicas())
        wait(10, "its status moved", lambda: "retired/prod/echo.yaml" in self.world.git(
            self.world.remote, "ls-tree", "-r", "--name-only", "linnet/status"))

    def test_a_fleet_that_becomes_empty_at_once_stops_nothing(self):
        self.serve_v1()
        for name in ("deployment", "model", "environment", "echo-v1"):
            (self.world.fleet / f"manifests/{name}.yaml").unlink()
        self.world.push("all gone")
        wait(15, "the log tells", lambda: "allow-empty" in self.world.log.read_text())
        self.assertEqual(len(self.world.replicas()), 2)

    def test_idle_means_no_commit(self):
        self.serve_v1()
        wait(20, "all is told", lambda: self.same_tip_for(3))
        self.assertTrue(self.same_tip_for(8))

    def same_tip_for(self, seconds):
        tip = self.world.git(self.world.remote, "rev-parse", "linnet/status")
        time.sleep(seconds)
        return tip == self.world.git(self.world.remote, "rev-parse", "linnet/status")

    def test_a_secret_is_in_the_servers_environment_and_nowhere_else(self):
        secret = "s3cr3t-value-of-the-test"
        folder = self.world.home / "secrets" / "keys"
        folder.mkdir(parents=True)
        (folder / "api").write_text(secret)
        self.world.declare("v1", extra="  env: [{name: API_KEY, secret: {name: keys, key: api}}]\n")
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.assertEqual({env["API_KEY"] for env in self.world.replicas().values()}, {secret})
        found = subprocess.run(["grep", "-rlF", secret, self.world.state, self.world.log],
                               capture_output=True, text=True, check=False).stdout
        self.assertEqual(found, "")


if __name__ == "__main__":
    unittest.main()
