"""What the tests of the command line share: calls, and a repository of their own."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/manifest"
BIN = pathlib.Path(os.environ.get("LINNET_BIN", ROOT / "build")).resolve()
WHO = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}


def linnet(*words, cwd=None, env=None):
    """(exit status, standard output, standard error)."""
    done = subprocess.run([BIN / "linnet", *map(str, words)], cwd=cwd, capture_output=True,
                          text=True, timeout=90, check=False, env={**os.environ, **WHO, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def git(folder, *words):
    done = subprocess.run(["git", *map(str, words)], cwd=folder, capture_output=True, text=True,
                          check=False, env={**os.environ, **WHO})
    if done.returncode:
        raise AssertionError(f"git {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout.strip()


class CliTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="linnet-cli."))
        self.addCleanup(shutil.rmtree, self.home)

    def ok(self, *words, **more):
        status, out, err = linnet(*words, **more)
        self.assertEqual((status, err), (0, ""), out)
        return out

    def fleet(self):
        """A remote with manifests on main and a status on linnet/status, and a checkout of it."""
        remote, fleet = self.home / "fleet.git", self.home / "fleet"
        git(self.home, "init", "-q", "--bare", "-b", "main", remote)
        git(self.home, "init", "-q", "-b", "main", fleet)
        git(fleet, "remote", "add", "origin", remote)
        (fleet / "manifests").mkdir()
        (fleet / "apps/risk").mkdir(parents=True)
        (fleet / "apps/risk/train.py").touch()
        for name in ("model", "deployment", "environment", "policy"):
            text = (GOLDEN / f"kinds/{name}.yaml").read_text().replace("version: v2", "version: none")
            text = "".join(line for line in text.splitlines(keepends=True)
                           if not line.startswith(("  promotion:", "      metrics:")))
            (fleet / f"manifests/{name}.yaml").write_text(text)
        git(fleet, "add", "-A")
        git(fleet, "commit", "-qm", "a fleet")
        git(fleet, "push", "-q", "origin", "main")
        self.put_status(fleet, (GOLDEN / "status.yaml").read_text())
        return remote, fleet

    def put_status(self, fleet, text, path="status/production/deployment-risk.yaml",
                   message="production/deployment-risk: canary"):
        """Commits one file to linnet/status, as a controller does."""
        done = subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=fleet, input=text,
                              capture_output=True, text=True, check=True)
        env = {**os.environ, **WHO, "GIT_INDEX_FILE": str(self.home / "index")}
        subprocess.run(["git", "update-index", "--add", "--cacheinfo",
                        f"100644,{done.stdout.strip()},{path}"], cwd=fleet, env=env, check=True)
        tree = subprocess.run(["git", "write-tree"], cwd=fleet, env=env, capture_output=True,
                              text=True, check=True).stdout.strip()
        tip = subprocess.run(["git", "rev-parse", "-q", "--verify", "linnet/status"], cwd=fleet,
                             capture_output=True, text=True, check=False).stdout.strip()
        commit = git(fleet, "commit-tree", tree, "-m", message, *(["-p", tip] if tip else []))
        git(fleet, "update-ref", "refs/heads/linnet/status", commit)
        git(fleet, "push", "-qf", "origin", "linnet/status")

    def fails(self, *words, **more):
        """What it says of the mistake."""
        status, out, err = linnet(*words, **more)
        self.assertEqual((status, out), (1, ""), err)
        return err
