"""What FAULTS.md and API.md promise of Git's side, on real repositories."""

import subprocess
import unittest

import test_faults
from test_faults import quick
from world import Load, wait

STATUS = "status/prod/echo.yaml"


class StatusTest(test_faults.FaultsTest):
    def damage(self, world, text, *git):
        """Puts a text in place of the deployment's status, by somebody else's commit."""
        other = world.home / "other"
        if not other.exists():
            world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote),
                      str(other))

        def lands():
            world.git(other, "fetch", "-q", "origin", "linnet/status")
            world.git(other, "reset", "-q", "--hard", "FETCH_HEAD")
            (other / STATUS).write_text(text)
            world.git(other, "commit", "-qam", "by hand")
            world.git(other, "push", "-q", "origin", *git, "HEAD:linnet/status", check=False)
            tip = world.git(other, "rev-parse", "HEAD")
            return tip == world.git(world.remote, "rev-parse", "linnet/status") and tip

        return wait(20, "the damage is pushed", lands)

    def test_a_damaged_status_is_taken_from_the_commit_before(self):
        world = self.serve_v1()
        before = set(world.pids("v1"))
        tip = self.damage(world, "phase: [\n")
        wait(20, "the history tells", lambda: "status recovered" in world.history())
        told = next(h for h in world.status()["history"] if h["what"] == "status recovered")
        self.assertIn(STATUS, told["why"])
        good = told["why"].rsplit(" ", 1)[1]
        self.assertIn("version: v1", world.git(world.remote, "show", f"{good}:{STATUS}"))
        world.git(world.remote, "merge-base", "--is-ancestor", tip, "linnet/status")
        self.assertEqual(set(world.pids("v1")), before)
        with Load(world.port) as load:
            world.declare("v2", edit=quick)
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertEqual(world.history().count("status recovered"), 1)

    def test_a_status_without_a_good_text_freezes_and_says_what_to_do(self):
        world = self.serve_v1()
        world.kill()
        other = world.home / "other"
        world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote), str(other))
        whole = (other / STATUS).read_text()
        world.git(other, "checkout", "-q", "--orphan", "anew")
        (other / STATUS).write_text("phase: [\n")
        world.git(other, "commit", "-qam", "anew")
        world.git(other, "push", "-qf", "origin", "HEAD:linnet/status")
        subprocess.run(["rm", "-rf", "--", str(world.state / "status.git")], check=True)
        world.start()
        wait(20, "the log tells", lambda: "no earlier text of it can be read" in
             world.log.read_text())
        wait(20, "the table tells", lambda: "delete the file there to begin anew" in world.git(
            world.remote, "show", "linnet/status:README.md"))
        world.git(world.fleet, "pull", "-q", "--rebase", "origin", "main")
        world.declare("v2", edit=quick)
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 100)
            self.assertEqual(world.pids("v2"), [])
            self.damage(world, whole)
            wait(40, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertNotIn("begin anew", world.git(world.remote, "show", "linnet/status:README.md"))


if __name__ == "__main__":
    unittest.main()
