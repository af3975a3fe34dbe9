"""init: what it writes is a sound fleet."""

import subprocess

from cli import BIN, CliTest, git


class InitTest(CliTest):
    def test_writes_a_sound_fleet(self):
        out = self.ok("init", self.home / "fleet")
        self.assertIn("fleet/manifests/model.yaml", out)
        said = self.ok("validate", self.home / "fleet/manifests")
        self.assertIn("nothing to mend", said)
        self.assertNotIn("takes a wider margin", said)
        for app in (self.home / "fleet/apps/hello").iterdir():
            compile(app.read_text(), app.name, "exec")

    def test_never_writes_over_a_file(self):
        (self.home / "CODEOWNERS").write_text("mine")
        self.assertIn("CODEOWNERS is there already", self.fails("init", cwd=self.home))
        self.assertEqual([file.name for file in self.home.iterdir()], ["CODEOWNERS"])
        self.assertEqual((self.home / "CODEOWNERS").read_text(), "mine")

    def test_print_shows_every_file_and_writes_none(self):
        out = self.ok("init", "--print", cwd=self.home)
        self.ok("init", "fleet", cwd=self.home)
        for file in (self.home / "fleet").rglob("*"):
            if file.is_file():
                self.assertIn(f"==> {file.relative_to(self.home / 'fleet')} <==\n"
                              + file.read_text(), out)

    def test_its_workflow_runs(self):
        fleet = self.home / "fleet"
        self.ok("init", fleet)
        git(fleet, "init", "-qb", "main")
        git(fleet, "add", "-A")
        git(fleet, "commit", "-qm", "a fleet")
        git(fleet, "update-ref", "refs/remotes/origin/main", "HEAD")
        file = fleet / "manifests/production.yaml"
        file.write_text(file.read_text().replace("replicas: 2", "replicas: 3"))
        git(fleet, "commit", "-qam", "more")
        workflow = (fleet / ".github/workflows/linnet.yaml").read_text()
        step = workflow.split("says: there are changes\n")[1]
        done = subprocess.run(["sh", "-ec", step], cwd=fleet, capture_output=True, text=True,
                              check=False, env={"PATH": f"{BIN}:/usr/bin:/bin",
                                                "GITHUB_BASE_REF": "main"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("parameters production/hello", done.stdout)
