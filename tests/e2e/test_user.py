"""Where the controller is root: model servers run as somebody else, who gets to nothing of its."""

import os
import pathlib
import pwd
import shutil
import subprocess
import unittest

from world import BIN, Load, World, wait

TRY = """
import os, pathlib, socket, sys
state, done = pathlib.Path(sys.argv[1]), []
def attempt(what, act):
    try:
        act()
        done.append(what)
    except OSError:
        pass
for name in ["id", "status.git/HEAD", "status.git/config", "fleet.git/HEAD", "haproxy/haproxy.cfg"]:
    attempt("read " + name, (state / name).read_bytes)
for name in [".", "status.git", "runs", "haproxy", "prepare"]:
    attempt("list " + name, lambda: os.listdir(state / name))
    attempt("write " + name, (state / name / "mine").touch)
for name in ["admin.sock", "log.sock"]:
    attempt("connect " + name, lambda: socket.socket(socket.AF_UNIX).connect(
        str(state / "haproxy" / name)))
for path in sys.argv[2:]:
    attempt("write " + path, (pathlib.Path(path) / "mine").touch)
    attempt("chmod " + path, lambda: os.chmod(path, 0o777))
print(done)
"""


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@unittest.skipIf(os.geteuid() != 0, "only root can start servers as somebody else")
class UserTest(unittest.TestCase):
    def check_servers(self, world, user):
        for pid in world.pids("v1"):
            status = status_of(pid)
            self.assertEqual(set(status["Uid"].split()), {str(user.pw_uid)})
            self.assertEqual(set(status["Gid"].split()), {str(user.pw_gid)})
            self.assertEqual(status["Groups"].split(), [])
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(int(status["CapEff"], 16), 0)

    def test_servers_are_somebody_else_and_get_to_nothing_of_the_controller(self):
        world = World()
        self.addCleanup(world.close)
        user = pwd.getpwnam("nobody")
        os.environ["LINNET_LOCAL_USER"] = "nobody"
        self.addCleanup(os.environ.pop, "LINNET_LOCAL_USER")
        world.declare("v1", {"log": True})
        world.start()
        wait(40, "v1 is steady", lambda: world.is_steady("v1"))
        self.check_servers(world, user)
        shared = [*(world.state / "sources").iterdir(), *(world.state / "artifacts").iterdir(),
                  *world.state.glob("replicas/prod/echo/*")]
        self.assertGreaterEqual(len(shared), 4)
        said = subprocess.run(["/usr/bin/python3", "-c", TRY, world.state, *shared], text=True,
                              capture_output=True, check=True, user=user.pw_uid,
                              group=user.pw_gid, extra_groups=[], cwd="/").stdout
        self.assertEqual(said, "[]\n")
        # the router is reached by root: the attempts were at the right places
        self.assertTrue(world.router_weights())

        before = sorted(world.pids("v1"))
        world.kill()
        world.start()
        with Load(world.port) as load:
            wait(20, "answers", lambda: load.count("v1") > 50)
            self.assertEqual(sorted(world.pids("v1")), before)
            world.kill_replicas("v1")
            wait(40, "they are there again", lambda: len(world.pids("v1")) == 2 and not
                 set(world.pids("v1")) & set(before))
        self.check_servers(world, user)
        logs = list((world.state / "predictions/prod/echo").iterdir())
        self.assertGreaterEqual(sum(log.stat().st_size > 0 for log in logs), 2)
        self.assertEqual({log.stat().st_uid for log in logs}, {user.pw_uid})

    def test_a_folder_that_they_may_not_enter_is_told_and_can_be_mended(self):
        world = World()
        self.addCleanup(world.close)
        world.home.chmod(0o700)
        world.declare("v1")
        world.start()
        told = f"may not enter {world.home}, where the state folder lies; let all enter it (chmod o+x"
        wait(20, "it is told", lambda: world.log.read_text().count(told) > 1)
        self.assertEqual(world.pids("v1"), [])
        world.home.chmod(0o711)
        wait(90, "v1 is steady", lambda: world.is_steady("v1"))
        self.assertFalse(world.status().get("quarantine"))

    def test_a_user_that_cannot_be_is_refused_at_start(self):
        world = World()
        self.addCleanup(world.close)

        program = shutil.copy(BIN / "linnet-controller", world.home)    # all can enter that folder

        def said(name, **options):
            done = subprocess.run([program, "--config", world.config, "--once",
                                   "--local-user", name], text=True, capture_output=True,
                                  check=False, timeout=60, **options)
            self.assertEqual(done.returncode, 1)
            return done.stderr

        self.assertIn("local.user: this machine has no user 'nobody-at-all'; make one with "
                      "`useradd --system nobody-at-all`, or name another", said("nobody-at-all"))
        shutil.rmtree(world.state)
        world.state.mkdir()
        nobody = pwd.getpwnam("nobody")
        os.chown(world.state, nobody.pw_uid, nobody.pw_gid)
        self.assertIn("local.user root: only a controller that runs as root can start model servers "
                      "as somebody else", said(
                          "root", user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[]))


if __name__ == "__main__":
    unittest.main()
