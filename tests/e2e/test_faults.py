"""What FAULTS.md, LIFECYCLE.md and SERVING.md promise when something breaks, on real parts."""

import base64
import http.server
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from world import BIN, DEPLOYMENT, ENVIRONMENT, Load, World, free_port, stay, wait

def quick(text):
    """A rollout in a single step."""
    return re.sub(r"( +- .weight: \d\d?%,.*\n)+", "", text)


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.worlds = []
        self.addCleanup(self.finish)

    def make(self, **how):
        self.worlds.append(World(**how))
        return self.worlds[-1]

    def finish(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", []) or []) \
            or bool(getattr(self._outcome.result, "failures", None))
        for world in self.worlds:
            if failed:
                print(world.tail())
            world.close(keep=failed and "LINNET_KEEP" in os.environ)

    def serve_v1(self, world=None, **how):
        world = world or self.make()
        world.declare("v1", **how)
        world.start()
        wait(30, "v1 is steady", lambda: world.is_steady("v1"))
        return world

    def canary_v2(self, world, load, behaviour=None):
        """v2 at 5 % and no further."""
        wait(10, "answers of v1", lambda: load.count("v1") > 20)
        world.declare("v2", behaviour, edit=stay)
        wait(30, "v2 has its share", lambda: load.count("v2") > 5)

    def is_in_canary(self, world):
        """Git tells of it, and of no rollback."""
        wait(10, "the canary is told", lambda: world.phase() == "Canary")
        self.assertFalse(world.status().get("quarantine"))


class KillTest(FaultsTest):
    def test_kill_9_around_a_rollback(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", {"failEvery": 3})
            for i in range(20):
                time.sleep(0.15 + 0.13 * (i % 5))
                world.kill()
                world.start()
            wait(60, "a revert on main", lambda: world.declared_version() == "v1")
            self.assertEqual([q["version"] for q in world.quarantined()], ["v2"])
            wait(30, "v1 is steady", lambda: world.is_steady("v1"))
            wait(15, "v2 is gone", lambda: not world.pids("v2") and len(world.pids("v1")) == 2)
        self.assertEqual(load.failed_by_linnet(failing=("v2",)), {})
        self.assert_each_transition_once(world)
        reverts = world.git(world.remote, "log", "--format=%an %s", "main").count("Linnet")
        self.assertEqual(reverts, 1)

    def test_kill_9_around_a_first_deployment_and_a_retirement(self):
        world = self.make()
        world.write("manifests/other.yaml", DEPLOYMENT.replace("name: echo,", "name: other,")
                    % {"version": "none", "extra": ""})
        world.declare("v1")
        world.start()
        self.sweep(world, 10)
        wait(30, "v1 is steady", lambda: world.is_steady("v1"))
        self.assertEqual(len(world.replicas()), 2)
        (world.fleet / "manifests/deployment.yaml").unlink()
        world.push("gone")
        self.sweep(world, 10)
        wait(30, "no replica runs", lambda: not world.replicas())
        wait(10, "its status moved", lambda: "retired/prod/echo.yaml" in world.git(
            world.remote, "ls-tree", "-r", "--name-only", "linnet/status"))

    def sweep(self, world, times):
        for i in range(times):
            time.sleep(0.1 + 0.09 * (i % 6))
            world.kill()
            world.start()

    def assert_each_transition_once(self, world):
        told = [line for line in world.git(world.remote, "log", "--format=%b", "linnet/status")
                .splitlines() if line.startswith("deployment/prod/echo: ")]
        self.assertEqual(len(told), len(set(told)), told)

    def test_haproxy_killed_in_a_canary_comes_back_with_the_same_weights(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)
            world.kill_router()
            killed = time.monotonic()
            wait(10, "answers again", lambda: load.last.get("v1", 0) > killed + 0.2)
            wait(10, "v2 has its share again",
                 lambda: load.last["v2"] > killed and 0.04 < world.weight_of("v2") < 0.06)
        self.is_in_canary(world)

    def test_haproxy_killed_while_the_controller_is_down(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)
            world.kill()
            world.kill_router()
            world.start()
            wait(10, "v2 has its share again", lambda: world.routers()
                 and 0.04 < world.weight_of("v2") < 0.06)

    def test_the_end_of_what_an_earlier_controller_started_is_seen_at_once(self):
        """At rest it looks every 30 s, later than is waited for here."""
        world = self.serve_v1()
        looks = world.log.read_text().count("planned ")
        world.kill()
        world.start()
        wait(10, "it has looked", lambda: world.log.read_text().count("planned ") > looks)
        with Load(world.port) as load:
            for end in world.kill_router, lambda: world.kill_replicas("v1"):
                wait(10, "answers", lambda: load.last.get("v1", 0) > time.monotonic() - 0.2)
                end()
                ended = time.monotonic()
                wait(3, "answers again", lambda: load.last.get("v1", 0) > ended + 0.5)

    def test_a_reload_by_somebody_else_costs_no_request_and_keeps_the_weights(self):
        world = self.serve_v1()
        with Load(world.port, rate=300, threads=6) as load:
            self.canary_v2(world, load)
            for _ in range(4):
                world.reload_router()
            wait(10, "the weights", lambda: 0.04 < world.weight_of("v2") < 0.06)
        self.assertEqual(load.failed_by_linnet(), {})

    def test_a_dead_candidate_has_no_weight_and_costs_no_request(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)
            ports = {int(env["LINNET_PORT"]) for env in world.replicas().values()
                     if env["LINNET_MODEL_VERSION"] == "v2"}
            world.kill_replicas("v2")
            wait(2, "weight 0", lambda: not ports & set(world.router_weights()))
        self.assertEqual(load.failed_by_linnet(killed=1), {})

    def test_a_dead_candidate_is_started_again(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)
            for _ in range(2):
                dead = set(world.kill_replicas("v2"))
                killed = time.monotonic()
                wait(60, "as many replicas of v2 again", lambda: len(world.pids("v2")) == len(dead)
                     and not dead & set(world.pids("v2")))
                wait(60, "v2 has its share again", lambda: load.last["v2"] > killed + 1)
        self.assertEqual(load.failed_by_linnet(killed=2), {})
        self.is_in_canary(world)

    def test_a_candidate_that_keeps_dying_is_rolled_back(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)

            def kill():
                world.kill_replicas("v2")
                return "rolled back (v2)" in world.history()

            wait(60, "a rollback", kill)
            wait(38, "a revert on main", lambda: world.declared_version() == "v1")
            wait(10, "v2 is gone", lambda: not world.pids("v2"))
        self.assertEqual(load.failed_by_linnet(killed=10), {})
        self.assertIn("exited 5 times in ten minutes", str(world.quarantined()))

    def test_a_candidate_that_dies_while_the_controller_is_down_costs_nothing(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            self.canary_v2(world, load)
            world.kill()
            world.kill_replicas("v2")
            seen = load.count("v1")
            wait(15, "two hundred more answers", lambda: load.count("v1") > seen + 200)
            world.start()
        self.assertEqual(load.failed_by_linnet(killed=1), {})

    def test_both_replicas_of_a_large_candidate_die_while_the_controller_is_down(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", edit=lambda text: stay(text).replace("weight: 5%", "weight: 60%")
                          .replace("weight: 25%", "weight: 80%"))
            wait(30, "two replicas have their share", lambda: world.weight_of("v2") > 0.59
                 and len(world.router_weights()) == 4)
            world.kill()
            world.kill_replicas("v2")
            seen = load.count("v1")
            wait(15, "two hundred more answers", lambda: load.count("v1") > seen + 200)
            world.start()
        self.assertEqual(load.failed_by_linnet(killed=2), {})


class ServerTest(FaultsTest):
    def test_a_candidate_that_hangs_is_rolled_back(self):
        world = self.serve_v1()
        hang = world.home / "hang"
        with Load(world.port, threads=8) as load:
            self.canary_v2(world, load, {"hangWhile": str(hang)})
            ports = {int(env["LINNET_PORT"]) for env in world.replicas().values()
                     if env["LINNET_MODEL_VERSION"] == "v2"}
            hang.touch()
            wait(2, "weight 0", lambda: not ports & set(world.router_weights()))
            hang.unlink()

    def test_a_slow_start_within_its_time_is_waited_for(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            world.declare("v2", {"readyAfter": 4}, edit=quick)
            wait(40, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})

    def test_a_server_that_listens_elsewhere_is_rolled_back_at_start_timeout(self):
        world = self.serve_v1()
        world.declare("v2", {"otherPort": True},
                      edit=lambda t: t.replace("startTimeout: 60s", "startTimeout: 3s"))
        wait(30, "a revert on main", lambda: world.declared_version() == "v1")
        self.assertEqual(len(world.pids("v1")), 2)

    def test_a_secret_told_by_a_dying_server_reaches_no_status(self):
        world = self.serve_v1()
        secret = "s3cr3t-told-at-the-end"
        folder = world.home / "secrets" / "keys"
        folder.mkdir(parents=True)
        (folder / "api").write_text(secret)
        world.declare("v2", {"tell": "API_KEY"},
                      extra="  env: [{name: API_KEY, secret: {name: keys, key: api}}]\n")
        wait(30, "a revert on main", lambda: world.declared_version() == "v1")
        wait(10, "the status is pushed", lambda: "rolled back (v2)" in world.history())
        told = world.git(world.remote, "log", "-p", "linnet/status") + world.log.read_text() \
            + world.git(world.remote, "log", "-p", "main")
        self.assertNotIn(secret, told)
        self.assertIn("my key is", told)

    def test_forty_deployments_outgrow_the_pool_and_cost_no_request(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            for i in range(36):
                world.write(f"manifests/d{i}.yaml", (DEPLOYMENT % {"version": "v1", "extra": ""})
                            .replace("name: echo,", f"name: echo-{i},")
                            .replace("replicas: 2", "replicas: 1"))
            world.push("many more")
            wait(35, "all serve", lambda: len(world.router_weights()) == 38)
        self.assertEqual(load.failed_by_linnet(), {})


def can_mount(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder],
        stderr=subprocess.DEVNULL, check=False).returncode == 0


def fill(folder):
    """Takes every byte that is left in the folder's file system."""
    with open(folder / "filler", "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


class DiskTest(FaultsTest):
    def setUp(self):
        super().setUp()
        self.world = self.make()
        if not can_mount(self.world.state):
            self.skipTest("needs a tmpfs: not root here, or mounting is not allowed")
        self.addCleanup(subprocess.run, ["umount", "-l", self.world.state], check=False)
        self.addCleanup(self.world.close)

    def test_a_full_disk_stops_neither_serving_nor_a_rollback(self):
        world = self.serve_v1(self.world)
        fail = world.home / "fail"
        with Load(world.port, rate=300, threads=6) as load:
            self.canary_v2(world, load, {"failWhile": str(fail)})
            fill(world.state)
            fail.touch()
            wait(15, "v2 has no weight", lambda: not world.weight_of("v2")
                 and len(world.router_weights()) == 2)
            self.assertIsNone(world.controller.poll())
            wait(5, "the log tells", lambda: "state folder is full" in world.log.read_text())
            self.assertFalse((world.state / "reserve").exists(), "the reserve was given back")
            (world.state / "filler").unlink()
            wait(20, "a revert on main", lambda: world.declared_version() == "v1")
        self.assertEqual(load.failed_by_linnet(failing=("v2",)), {})

    def test_a_start_on_a_full_disk_leaves_what_serves_and_goes_on_after(self):
        world = self.serve_v1(self.world)
        before = set(world.replicas())
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            told = world.log.read_text().count("fleet at")
            world.kill()
            fill(world.state)
            world.start()
            wait(10, "it looks", lambda: world.log.read_text().count("fleet at") > told)
            self.assertEqual(set(world.replicas()), before)
            (world.state / "filler").unlink()
            world.declare("v2", edit=quick)

            def is_steady():  # a controller that gave up is started again, as systemd does
                if world.controller.poll() is not None:
                    world.start()
                return world.is_steady("v2")

            wait(30, "v2 is steady", is_steady)
        self.assertEqual(load.failed_by_linnet(), {})


class GitTest(FaultsTest):
    def test_a_rotated_token_needs_no_restart_and_is_seen_nowhere(self):
        token = "tok-first-4711"
        world = self.make()
        token_file = world.home / "token"
        token_file.write_text(token + "\n")
        server = GitServer(world.home, token)
        self.addCleanup(server.close)
        text = world.config.read_text()
        world.config.write_text(text.replace(
            f'"{world.remote}"', f'"http://127.0.0.1:{server.port}/fleet.git"').replace(
            "poll: 500ms", f"poll: 500ms, auth: {{tokenFile: {token_file}}}"))
        self.serve_v1(world)
        server.token = "tok-second-0815"
        world.edit("replicas: 2", "replicas: 3", "not seen yet")
        wait(15, "the log tells", lambda: "it does not take the token" in world.log.read_text())
        self.assertEqual(len(world.replicas()), 2)
        token_file.write_text(server.token + "\n")
        seen = []
        wait(20, "the new token is used", lambda: len(world.router_weights()) == 3
             or seen.append(command_lines()))
        told = "".join(seen) + world.log.read_text() + world.git(world.remote, "log", "-p", "linnet/status")
        self.assertNotIn("tok-", told)
        self.assertEqual(subprocess.run(["grep", "-rl", "tok-", world.state], check=False,
                                        capture_output=True, text=True).stdout, "")

    def test_once_makes_it_so_and_ends(self):
        world = self.make()
        world.declare("v1")
        done = subprocess.run([BIN / "linnet-controller", "--config", world.config, "--once"],
                              capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(world.is_steady("v1"))
        with Load(world.port) as load:
            wait(5, "answers", lambda: load.count("v1") > 50)
        tip = world.git(world.remote, "rev-parse", "linnet/status")
        again = subprocess.run([BIN / "linnet-controller", "--config", world.config, "--once"],
                               capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(tip, world.git(world.remote, "rev-parse", "linnet/status"))

    def test_a_taken_port_is_said_and_served_on_once_it_is_free(self):
        world = self.make()
        world.declare("v1")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", world.port))
            other.listen()
            world.start()
            wait(15, "the log tells", lambda: "HAProxy" in world.log.read_text())
            self.assertIsNone(world.controller.poll())
        wait(30, "v1 is steady", lambda: world.is_steady("v1"))

    def test_a_start_without_the_remote_serves_from_what_is_here(self):
        world = self.serve_v1()
        world.stop()
        nowhere = world.home / "nowhere.yaml"      # what serves is ended without a word on Git
        nowhere.write_text(re.sub("^fleet:.*\n", "", world.config.read_text()))
        subprocess.run([BIN / "linnet-controller", "--config", nowhere, "--stop-serving"],
                       stderr=subprocess.DEVNULL, timeout=120, check=True)
        self.assertEqual(len(world.replicas()), 0)
        moved = world.remote.with_suffix(".away")
        world.remote.rename(moved)
        world.start()
        with Load(world.port) as load:
            wait(20, "answers of v1", lambda: load.count("v1") > 20)
            wait(20, "two replicas", lambda: len(world.pids("v1")) == 2)
        moved.rename(world.remote)
        world.declare("v2", edit=quick)
        with Load(world.port):
            wait(40, "v2 is steady", lambda: world.is_steady("v2"))

    def test_a_rollback_with_git_away_is_told_when_it_is_back(self):
        world = self.serve_v1()
        fail = world.home / "fail"
        with Load(world.port, rate=300, threads=6) as load:
            self.canary_v2(world, load, {"failWhile": str(fail)})
            moved = world.remote.with_suffix(".away")
            world.remote.rename(moved)
            fail.touch()
            wait(20, "v2 has no weight", lambda: not world.weight_of("v2")
                 and len(world.router_weights()) == 2)
            moved.rename(world.remote)
            wait(30, "a revert on main", lambda: world.declared_version() == "v1")
            wait(20, "it is told", lambda: "rolling back (v2)" in world.history())
            wait(20, "v1 is steady", lambda: world.is_steady("v1"))
        self.assertEqual(load.failed_by_linnet(failing=("v2",)), {})

    def test_a_foreign_commit_on_the_status_branch_stays_and_ours_lands(self):
        world = self.serve_v1()
        other = world.home / "other"
        world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote), str(other))
        stop = threading.Event()
        tips = []

        def write():
            for i in range(200):
                if stop.wait(0.2):
                    return
                world.git(other, "pull", "-q", "--rebase", "origin", "linnet/status", check=False)
                (other / "notes.txt").write_text(f"{i}\n")
                world.git(other, "add", "-A")
                world.git(other, "commit", "-qm", f"note {i}")
                world.git(other, "push", "-q", "origin", "linnet/status", check=False)
                tips.append(world.git(world.remote, "rev-parse", "linnet/status"))

        writer = threading.Thread(target=write)
        writer.start()
        with Load(world.port) as load:
            world.declare("v2", edit=quick)
            try:
                wait(35, "v2 is steady", lambda: world.is_steady("v2"))
            finally:
                stop.set()
                writer.join()
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertIn("notes.txt", world.git(world.remote, "ls-tree", "--name-only",
                                             "linnet/status"))
        for tip in tips:
            world.git(world.remote, "merge-base", "--is-ancestor", tip, "linnet/status")

    def test_a_newer_controller_takes_over_and_the_older_one_exits(self):
        first = self.serve_v1()
        second = self.make(url=first.remote)
        second.start()
        wait(20, "the older one exits", lambda: first.controller.poll() is not None)
        self.assertEqual(first.controller.returncode, 3)
        self.assertIn("start it once with --take-over", first.log.read_text())
        self.assertEqual(len(first.replicas()), 2)
        self.assertIsNone(second.controller.poll())
        first.start()  # as whoever watches it would
        wait(20, "it ends again", lambda: first.controller.poll() is not None)
        self.assertEqual(first.controller.returncode, 3)
        self.assertIsNone(second.controller.poll())
        first.start("--take-over")
        wait(20, "the other one ends", lambda: second.controller.poll() is not None)
        self.assertEqual(second.controller.returncode, 3)
        first.stop()
        looks = first.log.read_text().count("fleet at ")
        first.start()
        wait(20, "it goes on", lambda: first.log.read_text().count("fleet at ") > looks)
        self.assertIsNone(first.controller.poll())

    def test_one_that_was_down_meanwhile_takes_over_when_it_is_told_to(self):
        first = self.serve_v1()
        first.stop()
        second = self.make(url=first.remote)
        second.start()
        wait(20, "the second is on record", lambda: (second.state / "id").exists() and
             (second.state / "id").read_text() in first.git(first.remote, "show",
                                                            "linnet/status:controller.yaml"))
        first.start("--take-over")  # what it knows of the branch is older than that
        wait(20, "the second ends", lambda: second.controller.poll() is not None)
        self.assertEqual(second.controller.returncode, 3)
        self.assertIsNone(first.controller.poll())

    def test_of_two_controllers_started_at_once_on_a_new_fleet_one_goes_on(self):
        first = self.make()
        first.declare("v1")
        second = self.make(url=first.remote)
        first.start()
        second.start()
        wait(30, "one exits", lambda: (first.controller.poll() is None)
             != (second.controller.poll() is None))
        self.assertEqual({first.controller.poll(), second.controller.poll()}, {None, 3})

    def test_a_rewritten_branch_goes_on_after_accept_rewind(self):
        world = self.serve_v1()
        old = world.git(world.remote, "rev-parse", "main")
        world.git(world.fleet, "commit", "-q", "--amend", "-m", "told otherwise")
        world.git(world.fleet, "push", "-qf", "origin", "HEAD:main")
        new = world.git(world.remote, "rev-parse", "main")
        wait(15, "the log tells", lambda: "rewritten" in world.log.read_text().lower())
        world.request("accept-rewind", f'oldCommit: "{new}"\nnewCommit: "{old}"\n')
        wait(10, "the wrong one is refused", lambda: "accept-rewind refused" in world.log.read_text())
        world.request("accept-rewind", f'oldCommit: "{old}"\nnewCommit: "{new}"\n')
        wait(10, "it is accepted", lambda: "is accepted at" in world.log.read_text())
        with Load(world.port):
            world.declare("v2", edit=quick)
            wait(40, "v2 is steady", lambda: world.is_steady("v2"))

    def test_broken_manifests_one_after_the_other_stop_nothing(self):
        world = self.serve_v1()
        whole = (world.fleet / "manifests/deployment.yaml").read_text()
        hostile = {
            "nesting.yaml": "[" * 200_000,
            "large.yaml": "# " + "x" * 300_000 + "\n",
            "aliases.yaml": "apiVersion: linnet.dev/v1alpha1\na: &a [1]\nb: *a\n",
            "twice.yaml": whole + "---\n" + whole,
            "keys.yaml": "apiVersion: linnet.dev/v1alpha1\nkind: Model\nkind: Model\n",
            "bytes.yaml": "apiVersion: linnet.dev/v1alpha1\nkind: \udcff\udcfe\n",
            "nul.yaml": "apiVersion: linnet.dev/v1alpha1\nkind: \0\n",
            "tag.yaml": "apiVersion: !!binary linnet.dev/v1alpha1\nkind: Model\n",
            "unknown.yaml": "apiVersion: linnet.dev/v1alpha1\nkind: Modell\nmetadata: {name: x}\n",
            "foreign.yaml": "apiVersion: v1\nkind: ConfigMap\n",
            "empty.yml": "",
            "a b\u00e9.yaml": "apiVersion: linnet.dev/v1alpha1\nkind: Environment\n",
        }
        with Load(world.port) as load:
            for name, text in hostile.items():
                (world.fleet / "manifests" / name).write_bytes(
                    text.encode("utf-8", "surrogateescape"))
                world.push(name)
            os.symlink("/etc/passwd", world.fleet / "manifests/link.yaml")
            os.symlink("..", world.fleet / "manifests/up")
            (world.fleet / "manifests/folder.yaml").mkdir()
            (world.fleet / "manifests/folder.yaml/x").touch()
            world.push("links")
            world.git(world.fleet, "update-index", "--add", "--cacheinfo",
                      "160000," + world.git(world.fleet, "rev-parse", "HEAD") + ",manifests/sub")
            world.git(world.fleet, "commit", "-qm", "submodule")
            world.git(world.fleet, "push", "-q", "origin", "main")
            tip = world.git(world.remote, "rev-parse", "main")
            wait(20, "all are read", lambda: f"fleet at {tip[:10]}" in world.log.read_text())
            self.assertEqual(len(world.pids("v1")), 2)
            resident = int(re.search(r"VmHWM:\s+(\d+)", open(
                f"/proc/{world.controller.pid}/status").read())[1])
            self.assertLess(resident, 100_000)
            world.git(world.fleet, "rm", "-q", "--cached", "manifests/sub")
            (world.fleet / "manifests/twice.yaml").unlink()
            world.declare("v2", edit=quick)
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})

    def test_a_damaged_record_on_the_status_branch_ends_nothing(self):
        world = self.serve_v1()
        other = world.home / "other"
        world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote), str(other))
        (other / "controller.yaml").write_text("id: [\n")
        world.git(other, "commit", "-qam", "damaged")
        world.git(other, "push", "-q", "origin", "linnet/status")
        wait(10, "the log tells", lambda: "status branch: controller.yaml" in world.log.read_text())
        with Load(world.port) as load:
            world.declare("v2", edit=quick)
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertIsNone(world.controller.poll())
        wait(10, "the record is whole again", lambda: "epoch: 1" in world.git(
            world.remote, "show", "linnet/status:controller.yaml"))

    def test_a_manifest_that_becomes_too_large_is_unreadable_not_gone(self):
        world = self.serve_v1()
        text = (world.fleet / "manifests/deployment.yaml").read_text()
        world.write("manifests/deployment.yaml", text + "# " + "x" * 300_000 + "\n")
        world.push("too large")
        wait(10, "the log tells", lambda: "at most 262144" in world.log.read_text())
        self.stays(world, 4)
        world.declare("v2", edit=quick)
        with Load(world.port):
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))

    def stays(self, world, seconds):
        """Two replicas serve on for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.assertEqual(len(world.pids("v1")), 2)
            time.sleep(0.2)

    def test_a_revert_that_a_protected_branch_refuses_becomes_a_branch(self):
        world = self.serve_v1()
        hook = world.remote / "hooks" / "update"
        hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || '
                        '[ "$(git log -1 --format=%an "$3")" != Linnet ] || '
                        '{ echo "main is protected" >&2; exit 1; }\n')
        hook.chmod(0o755)
        world.declare("v2", {"exitAtStart": True})
        branch = "linnet/revert/prod/echo"
        wait(35, "a branch for a pull request", lambda: world.git(
            world.remote, "branch", "--list", branch))
        self.assertIn("version: v1", world.git(
            world.remote, "show", f"{branch}:manifests/deployment.yaml"))
        wait(15, "the status says where", lambda: re.search(
            f"branch: {branch}\n.*\n? +outcome: waiting\n", world.git(
                world.remote, "show", "linnet/status:status/prod/echo.yaml"), re.S))
        wait(15, "a condition says what to do",
             lambda: f"the branch {branch} waits for its merge" in str(world.status()))
        self.assertEqual(world.declared_version(), "v2")
        self.assertEqual(len(world.pids("v1")), 2)
        world.declare("v3", {"exitAtStart": True})
        wait(35, "the branch is of v3 now", lambda: "v3 rolled back" in world.git(
            world.remote, "log", "--format=%s", f"main..{branch}"))
        self.assertEqual(world.git(world.remote, "rev-list", "--count", f"main..{branch}"), "1")
        hook.unlink()
        world.git(world.fleet, "pull", "-q", "--rebase", "origin", "main")
        world.git(world.fleet, "fetch", "-q", "origin", branch)
        world.git(world.fleet, "merge", "-q", "--no-ff", "-m", "merged", "FETCH_HEAD")
        world.git(world.fleet, "push", "-q", "origin", "HEAD:main")
        wait(15, "v1 is steady", lambda: world.is_steady("v1"))

    def test_an_unsigned_commit_is_never_acted_on(self):
        world = self.make()
        key = world.home / "key"
        for file in (key, world.home / "own"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        signers = world.home / "signers"
        signers.write_text("ada@example.com " + key.with_suffix(".pub").read_text())
        text = world.config.read_text()
        world.config.write_text(text.replace(
            "poll: 500ms", f"poll: 500ms, verify: {{allowedSigners: {signers}}}")
            + f"status: {{signingKey: {world.home / 'own'}}}\n")
        for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key)),
                            ("commit.gpgsign", "true")):
            world.git(world.fleet, "config", name, value)
        self.serve_v1(world)
        self.assertIn("gpgsig", world.git(world.remote, "cat-file", "commit", "linnet/status"))
        world.git(world.fleet, "config", "commit.gpgsign", "false")
        unsigned = world.declare("v2", edit=quick)
        wait(10, "the log names it", lambda: unsigned[:10] in world.log.read_text())
        self.stays(world, 3)
        self.assertEqual(world.pids("v2"), [])

    def test_a_revert_lands_beside_the_commits_of_people(self):
        world = self.serve_v1()
        stop = threading.Event()
        other = world.home / "other"
        world.git(world.home, "clone", "-q", str(world.remote), str(other))

        def work():
            i = 0
            while not stop.wait(0.2):
                i += 1
                world.git(other, "pull", "-q", "--rebase", "origin", "main", check=False)
                (other / "notes.txt").write_text(f"{i}\n")
                world.git(other, "add", "-A")
                world.git(other, "commit", "-qm", f"note {i}")
                world.git(other, "push", "-q", "origin", "main", check=False)

        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", {"failEvery": 3})
            person = threading.Thread(target=work)
            person.start()
            try:
                wait(38, "a revert on main", lambda: world.declared_version() == "v1")
            finally:
                stop.set()
                person.join()
        log = world.git(world.remote, "log", "--format=%an", "main").splitlines()
        self.assertEqual(log.count("Linnet"), 1)

    def test_what_a_person_reverted_is_not_committed_again(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", {"failEvery": 3})
            wait(38, "a revert on main", lambda: world.declared_version() == "v1")
            world.edit("version: v1 ", "version: v2 ", "v2 all the same")
            tip = world.git(world.remote, "rev-parse", "main")
            wait(10, "it is refused here", lambda: "not rolled out (v2)" in world.history())
            wait(10, "v2 is not served", lambda: not world.pids("v2"))
            until = time.monotonic() + 5
            while time.monotonic() < until:
                self.assertEqual(world.git(world.remote, "rev-parse", "main"), tip)
                time.sleep(0.2)


def command_lines():
    """Every process's arguments, as anybody on the machine can read them."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        try:
            if process.name.isdigit():
                found.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


class GitServer:
    """git http-backend on loopback behind basic authentication; the password is `token`."""

    def __init__(self, root, token):
        self.token = token
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                given = self.headers.get("Authorization", "")
                wanted = base64.b64encode(f"x-access-token:{outer.token}".encode()).decode()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if given != "Basic " + wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="fleet"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                done = subprocess.run(["git", "http-backend"], input=body, capture_output=True,
                                      check=False, env={
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root),
                    "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "linnet", "PATH_INFO": path,
                    "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")})
                head, _, reply = done.stdout.partition(b"\r\n\r\n")
                fields = [line.split(": ", 1) for line in head.decode().splitlines()]
                status = next((value for name, value in fields if name == "Status"), "200")
                self.send_response(int(status.split()[0]))
                for name, value in fields:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_POST = do_GET

            def log_message(self, *ignored):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class RequestTest(FaultsTest):
    def ask(self, world, *words):
        return subprocess.run([BIN / "linnet", *words, "--repo", world.remote], text=True,
                              capture_output=True, timeout=240, check=False)

    def test_fifty_requests_at_once_all_land(self):
        world = self.serve_v1()
        failed = []

        def write(i):
            done = self.ask(world, "retry", "prod/echo", "--reason", f"writer {i}")
            if done.returncode:
                failed.append(done.stderr)

        writers = [threading.Thread(target=write, args=(i,)) for i in range(50)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual(failed, [])
        files = world.git(world.remote, "ls-tree", "-r", "--name-only", "linnet/requests")
        self.assertEqual(len(files.splitlines()), 50)
        tip = world.git(world.remote, "rev-parse", "linnet/requests")
        wait(60, "each was acted on or refused", lambda: tip in world.git(
            world.remote, "show", "linnet/status:controller.yaml"))

    def test_a_rollback_that_is_asked_for_goes_back_at_once(self):
        world = self.serve_v1()
        with Load(world.port) as load:
            world.declare("v2", edit=quick)
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))
            done = self.ask(world, "rollback", "prod/echo", "--reason", "felt wrong")
            self.assertEqual(done.returncode, 0, done.stderr)
            wait(20, "v1 is steady", lambda: world.is_steady("v1"))
            wait(10, "a revert on main", lambda: world.declared_version() == "v1")
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertEqual([q["version"] for q in world.quarantined()], ["v2"])

    def test_a_restart_replaces_the_replicas_and_costs_no_request(self):
        world = self.serve_v1()
        before = set(world.pids("v1"))
        with Load(world.port) as load:
            done = self.ask(world, "restart", "prod/echo")
            self.assertEqual(done.returncode, 0, done.stderr)
            wait(30, "both are new", lambda: len(world.router_weights()) == 2
                 and len(world.pids("v1")) == 2 and not before & set(world.pids("v1")))
        self.assertEqual(load.failed_by_linnet(), {})


class DeclarationTest(FaultsTest):
    def test_a_hold_stops_a_new_rollout_and_its_end_lets_it_go(self):
        world = self.serve_v1()
        world.declare("v2", edit=quick,
                      extra="  hold: {reason: quarter end, owner: platform}\n")
        wait(10, "it waits", lambda: world.phase() == "Waiting")
        self.assertEqual(world.pids("v2"), [])
        with Load(world.port):
            world.edit("  hold: {reason: quarter end, owner: platform}\n", "", "go on")
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))

    def test_replicas_follow_their_number_without_a_lost_request(self):
        world = self.serve_v1()
        before = set(world.pids("v1"))
        with Load(world.port) as load:
            world.edit("replicas: 2", "replicas: 4", "more")
            wait(15, "four serve", lambda: len(world.router_weights()) == 4)
            self.assertTrue(before <= set(world.pids("v1")))
            world.edit("replicas: 4", "replicas: 1", "fewer")
            wait(20, "one serves", lambda: len(world.pids("v1")) == 1
                 and len(world.router_weights()) == 1)
        self.assertEqual(load.failed_by_linnet(), {})

    def test_recreate_stops_the_old_one_first(self):
        world = self.serve_v1()
        world.declare("v2", edit=lambda t: re.sub(
            r"steps:\n( +- .*\n)+", "strategy: recreate\n", t))
        most = []
        wait(30, "v2 is steady", lambda: most.append(len(world.replicas())) or
             world.is_steady("v2"))
        self.assertLessEqual(max(most), 2)
        wait(10, "two replicas of v2", lambda: len(world.pids("v2")) == 2)

    def test_a_restore_within_keep_previous_undoes_a_deletion(self):
        world = self.make()
        world.write("manifests/other.yaml", DEPLOYMENT.replace("name: echo,", "name: other,")
                    % {"version": "none", "extra": ""})
        self.serve_v1(world, edit=lambda t: t.replace("keepPrevious: 2s", "keepPrevious: 60s"))
        before = set(world.pids("v1"))
        text = (world.fleet / "manifests/deployment.yaml").read_text()
        with Load(world.port) as load:
            (world.fleet / "manifests/deployment.yaml").unlink()
            world.push("gone")
            wait(10, "it retires", lambda: world.phase() == "Retiring")
            world.write("manifests/deployment.yaml", text)
            world.push("restored")
            wait(10, "it is steady", lambda: world.is_steady("v1"))
        self.assertEqual(set(world.pids("v1")), before)
        self.assertEqual(load.failed_by_linnet(), {})

    def test_a_rename_is_a_deletion_and_a_first_deployment(self):
        world = self.serve_v1()
        world.edit("name: echo,", "name: fresh,", "renamed")
        wait(20, "the new name serves", lambda: world.status_of("fresh").get("phase") == "Steady")
        wait(15, "the old one is gone", lambda: len(world.replicas()) == 2)

    def test_a_deployment_deleted_and_created_again_keeps_its_quarantine(self):
        world = self.make()
        world.write("manifests/other.yaml", DEPLOYMENT.replace("name: echo,", "name: other,")
                    % {"version": "none", "extra": ""})
        self.serve_v1(world)
        world.declare("v2", {"exitAtStart": True})
        wait(30, "a revert on main", lambda: world.declared_version() == "v1")
        world.git(world.fleet, "pull", "-q", "--rebase", "origin", "main")
        text = (world.fleet / "manifests/deployment.yaml").read_text()
        (world.fleet / "manifests/deployment.yaml").unlink()
        world.push("gone")
        wait(20, "retired", lambda: "retired/prod/echo.yaml" in world.git(
            world.remote, "ls-tree", "-r", "--name-only", "linnet/status"))
        world.write("manifests/deployment.yaml", text.replace("version: v1 ", "version: v2 "))
        world.push("v2 again")
        wait(15, "it is in quarantine", lambda: [q["version"] for q in world.status()
                                                 .get("quarantine", [])] == ["v2"])

    def test_a_stable_environment_reverts_by_a_branch(self):
        world = self.serve_v1(self.make(environment=ENVIRONMENT.replace("mature", "stable")))
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", {"failEvery": 3})
            wait(38, "a branch for a pull request", lambda: world.git(
                world.remote, "branch", "--list", "linnet/revert/prod/echo"))
        self.assertEqual(world.declared_version(), "v2")
        self.assertIn("version: v1", world.git(
            world.remote, "show", "linnet/revert/prod/echo:manifests/deployment.yaml"))

    def test_a_step_that_needs_approval_waits_for_it(self):
        world = self.serve_v1(self.make(environment=ENVIRONMENT.replace("mature", "mvp")))
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 20)
            world.declare("v2", edit=quick)
            candidate = wait(20, "it waits for an approval", lambda: "pproval" in str(
                status := world.status()) and status.get("candidate"))
            self.assertEqual(load.count("v2"), 0)
            world.request("approve", f'revision: "{candidate["revision"]}"\n')
            wait(15, "v2 has its share", lambda: load.count("v2") > 5)


if __name__ == "__main__":
    unittest.main()
