"""What people change and ask for: commits on the fleet branch, requests on their branch."""

import json

from cli import GOLDEN, CliTest, git

D = "production/deployment-risk"
CANDIDATE = "sha256:dda18a0e21ae47c53b4309434cbc02ae8bf764fa83a6defbb719431242722aa7"
STABLE = "sha256:f379ccb92b9116442dc65bdc35648a85d3786b34779db7f704a901fa07b00cb6"


class HoldTest(CliTest):
    def setUp(self):
        super().setUp()
        self.remote, self.checkout = self.fleet()
        file = self.checkout / "manifests/deployment.yaml"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.startswith("  hold:")))
        git(self.checkout, "commit", "-qam", "no hold")
        git(self.checkout, "push", "-q", "origin", "main")

    def diff(self, branch="main"):
        """The lines that the newest commit of the remote took away and added."""
        lines = git(self.remote, "show", "--format=", branch).splitlines()
        return [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]

    def hold(self, *words, repo=None):
        return self.ok("hold", D, "--reason", "quarter: end", "--repo", repo or self.checkout,
                       *words)

    def test_hold_and_resume_change_one_line(self):
        for repo in (self.checkout, self.remote, f"file://{self.remote}"):
            before = git(self.remote, "show", "main:manifests/deployment.yaml")
            out = self.hold("--until", "2026-07-02T00:00:00Z", repo=repo)
            self.assertIn("held in manifests/deployment.yaml", out)
            self.assertEqual(self.diff(), ['+  hold: {reason: "quarter: end", owner: '
                                           'ada@example.com, until: 2026-07-02T00:00:00Z}'])
            git(self.checkout, "pull", "-q", "--rebase", "origin", "main")
            self.ok("resume", D, "--repo", repo)
            self.assertEqual(git(self.remote, "show", "main:manifests/deployment.yaml"), before)

    def test_a_second_hold_takes_the_place_of_the_first(self):
        self.hold()
        self.ok("hold", D, "--reason", "fire", "--repo", self.checkout)
        self.assertEqual(len(self.diff()), 2)
        text = git(self.remote, "show", "main:manifests/deployment.yaml")
        self.assertEqual(text.count("hold:"), 1)
        self.assertIn("hold: {reason: fire, owner: ada@example.com}", text)

    def test_a_branch_for_a_pull_request_leaves_main_alone(self):
        main = git(self.remote, "rev-parse", "main")
        out = self.hold("--branch", "hold-risk", "-o", "json")
        made = json.loads(out)
        self.assertEqual(made["branch"], "hold-risk")
        self.assertEqual(git(self.remote, "rev-parse", "main"), main)
        self.assertEqual(git(self.remote, "rev-parse", "hold-risk"), made["commit"])
        self.assertEqual(git(self.remote, "rev-parse", "hold-risk~1"), main)

    def test_a_refused_push_names_the_way_out(self):
        hook = self.remote / "hooks/update"
        hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo protected; exit 1; }\n')
        hook.chmod(0o755)
        err = self.fails("hold", D, "--reason", "x", "--repo", self.checkout)
        self.assertIn("--branch NAME writes a branch for a pull request", err)
        self.hold("--branch", "for-review")

    def test_mistakes(self):
        repo = ("--repo", self.checkout)
        self.assertIn("a hold needs a reason", self.fails("hold", D, *repo))
        self.assertIn("is not held", self.fails("resume", D, *repo))
        self.assertIn("there is no ModelDeployment 'production/x'",
                      self.fails("resume", "production/x", *repo))
        self.assertIn("write ENVIRONMENT/DEPLOYMENT", self.fails("resume", "x", *repo))
        self.assertIn("or a duration such as 24h",
                      self.fails("hold", D, "--reason", "x", "--until", "soon", *repo))
        self.assertIn("there is no branch 'trunk'",
                      self.fails("resume", D, "--fleet-branch", "trunk", *repo))
        self.assertIn("there is no Git repository at its address",
                      self.fails("resume", D, "--remote", self.home / "nowhere", *repo))


class RequestTest(CliTest):
    def setUp(self):
        super().setUp()
        self.remote, self.checkout = self.fleet()

    def asked(self):
        """The newest request's path and text."""
        path = git(self.remote, "show", "--format=", "--name-only", "linnet/requests")
        return path, git(self.remote, "show", f"linnet/requests:{path}")

    def test_approve_and_reject_name_the_whole_revision(self):
        for verb in ("approve", "reject"):
            out = self.ok(verb, D, "--reason", "seen", "--repo", self.checkout)
            self.assertIn(f"asked: {verb} {D} (v3, revision dda18a0e21)", out)
            path, text = self.asked()
            self.assertRegex(path, rf"^requests/{D}/\d+T\d+Z\.[0-9a-f]{{8}}-{verb}\.yaml$")
            self.assertIn(f"revision: {CANDIDATE}", text)
            self.assertIn("by: ada@example.com", text)

    def test_approve_expires(self):
        self.ok("approve", D, "--until", "2096-07-02T00:00:00Z", "--repo", self.checkout)
        self.assertIn("expires: 2096-07-02T00:00:00Z", self.asked()[1])
        self.assertIn("--until 2020-07-02T00:00:00Z is over already", self.fails(
            "approve", D, "--until", "2020-07-02T00:00:00Z", "--repo", self.checkout))

    def test_a_model_is_approved_by_name(self):
        self.ok("approve", "deployment-risk", "--repo", self.checkout)
        self.assertTrue(self.asked()[0].startswith("requests/models/deployment-risk/"))

    def test_rollback_to_a_version(self):
        self.ok("rollback", D, "--to", "v2", "--repo", self.remote)
        self.assertIn(f"revision: {STABLE}", self.asked()[1])
        self.ok("rollback", D, "--repo", self.remote)
        self.assertNotIn("revision", self.asked()[1])
        self.assertIn("v9 was never promoted", self.fails("rollback", D, "--to", "v9", "--repo",
                                                          self.remote))

    def test_kick(self):
        self.ok("kick", "deployment-risk", "--event", "nightly", "--repo", self.remote)
        self.assertIn("event: nightly", self.asked()[1])
        self.ok("kick", D, "--restart", "--repo", self.remote)
        self.assertIn("verb: restart", self.asked()[1])
        self.assertIn("usage: linnet kick MODEL", self.fails("kick", D, "--repo", self.remote))

    def test_a_name_that_nothing_is_known_of_is_a_slip(self):
        for verb in ("rollback", "restart", "retry", "history", "why", "estimate"):
            self.assertIn("no status of production/deployment-rusk on refs/heads/linnet/status",
                          self.fails(verb, "production/deployment-rusk", "--repo", self.remote))
        bare = self.home / "no-status.git"
        git(self.home, "init", "-q", "--bare", "-b", "main", bare)
        git(self.checkout, "push", "-q", bare, "main")
        self.ok("rollback", D, "--repo", bare)  # where no status is, what is declared counts
        self.ok("kick", "deployment-risk", "--repo", bare)
        self.assertIn("there is no Model 'nope' below '.' in the fleet at hand",
                      self.fails("kick", "nope", "--repo", bare))
        self.assertIn("there is no Model 'nope'", self.fails("retry", "nope", "--repo", self.remote))
        self.assertIn("there is no ModelDeployment 'production/nope'",
                      self.fails("retry", "production/nope", "--repo", bare))
        git(bare, "update-ref", "-d", "refs/heads/main")
        self.ok("rollback", "production/nope", "--repo", bare)  # else who asks is believed

    def test_nothing_to_approve(self):
        steady = self.ok("status", D, "--repo", self.remote)
        self.assertIn("Canary", steady)
        head, rest = (GOLDEN / "status.yaml").read_text().split("  candidate:\n")
        self.put_status(self.checkout, head + "  seen:" + rest.split("  seen:")[1])
        self.assertIn("nothing is on its way", self.fails("approve", D, "--repo", self.remote))
        self.assertIn("no status of production/x", self.fails("approve", "production/x", "--repo",
                                                              self.remote))

    def test_nobody_knows_who_you_are(self):
        env = {"GIT_AUTHOR_EMAIL": "", "GIT_AUTHOR_NAME": "", "HOME": str(self.home)}
        err = self.fails("restart", D, "--repo", self.remote, env=env, cwd=self.home)
        self.assertIn("git config --global user.email", err)
        (self.home / ".gitconfig").write_text("[user]\n\temail = bob@example.com\n")
        self.ok("restart", D, "--repo", self.remote, env=env, cwd=self.home)
        self.assertIn("by: bob@example.com", self.asked()[1])

    def test_in_a_checkout_one_is_who_its_settings_say(self):
        env = {"GIT_AUTHOR_EMAIL": "", "GIT_AUTHOR_NAME": "", "HOME": str(self.home)}
        git(self.checkout, "config", "user.email", "eve@example.com")
        for repo in (self.remote, f"file://{self.remote}"):
            self.ok("restart", D, "--repo", repo, env=env, cwd=self.checkout)
            self.assertIn("by: eve@example.com", self.asked()[1])

    def test_a_url_is_read_too(self):
        url = f"file://{self.remote}"
        env = {"XDG_CACHE_HOME": str(self.home / "cache")}
        self.assertIn(D, self.ok("status", "--repo", url, env=env))
        self.ok("approve", D, "--repo", url, env=env)
        self.assertIn(CANDIDATE, self.asked()[1])
        git(self.remote, "update-ref", "-d", "refs/heads/linnet/status")
        self.assertNotIn(D, self.ok("status", "--repo", url, env=env))
