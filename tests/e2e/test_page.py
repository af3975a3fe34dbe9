"""The page in headless Chromium, with a screenshot of each state in LINNET_SHOTS (else a folder that
is removed): from 360 px, by day and by night, by keyboard. Skipped, and said so, without Chromium."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from world import HERE, Load, World, free_port, stay, wait

sys.path.insert(0, str(HERE.parent / "web"))
import browser  # noqa: E402  (the path is set above)

SIZES = ((360, 780), (820, 1100), (1440, 900))
FITS = "document.documentElement.scrollWidth <= %d"  # innerWidth grows with what is too wide
ROWS = "document.querySelectorAll('.item').length"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@unittest.skipUnless(browser.chromium(), "chromium is not here")
class PageTest(unittest.TestCase):
    def setUp(self):
        self.shots = pathlib.Path(os.environ.get("LINNET_SHOTS") or tempfile.mkdtemp())
        self.shots.mkdir(parents=True, exist_ok=True)
        if "LINNET_SHOTS" not in os.environ:
            self.addCleanup(shutil.rmtree, self.shots, True)
        self.world = World()
        self.addCleanup(self.world.close)
        self.port = free_port()
        self.world.config.write_text(self.world.config.read_text() +
                                     f'web: {{listen: "127.0.0.1:{self.port}"}}\n')
        self.browser = browser.Browser()
        self.addCleanup(self.browser.close)

    def look(self, state, shows, address="#/d/prod/echo"):
        """Every size, light and dark: the text is there, nothing is wider than the window."""
        for width, height in SIZES:
            taken = []
            for dark in (False, True):
                self.browser.open("about:blank", width, height, dark)
                self.browser.open(f"http://127.0.0.1:{self.port}/{address}", width, height, dark)
                self.browser.wait(f"{state}: {shows}",
                                  f"document.body?.innerText.includes({shows!r})")
                self.assertTrue(self.browser.value(FITS % width), f"{state} at {width} px is too wide")
                self.assertEqual(self.browser.value("refused"), [], "stopped by the policy")
                file = self.shots / f"{state}-{width}-{'dark' if dark else 'light'}.png"
                self.browser.screenshot(file)
                taken.append(file.read_bytes())
            self.assertNotEqual(taken[0], taken[1], "dark looks like light")

    def test_each_state_is_shown(self):
        self.world.declare("none")
        self.world.start()
        wait(10, "a status", self.world.status)
        self.look("none", "nothing serves", "")
        self.world.declare("v1")
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.look("steady", "promoted (v1)")
        with Load(self.world.port):
            self.world.declare("v2", edit=stay)
            wait(30, "a canary", lambda: self.world.phase() == "Canary")
            self.look("canary", "requests at this step")
            self.world.declare("v3", {"failEvery": 2})
            wait(90, "v3 is in quarantine", lambda: self.world.status().get("quarantine"))
        self.look("rolled-back", "in quarantine")

    def test_by_keyboard(self):
        self.world.declare("v1")
        self.world.start()
        wait(30, "v1 is steady", lambda: self.world.is_steady("v1"))
        self.browser.open(f"http://127.0.0.1:{self.port}/", 1440, 900)
        self.browser.wait("the fleet", "document.querySelector('.item a')")
        self.browser.key("/", 191)
        self.browser.wait("the search has the focus", "document.activeElement.id === 'find'")
        self.browser.key("Tab", 9)
        self.browser.wait("the first row", "document.activeElement.hash === '#/d/prod/echo'")
        self.assertNotEqual(self.browser.value(
            "getComputedStyle(document.activeElement).outlineStyle"), "none")
        self.browser.value("document.activeElement.click()")
        self.browser.wait("the title", "document.activeElement.id === 'detail-title'")
        self.browser.key("Escape", 27)
        self.browser.wait("back", "document.activeElement.hash === '#/d/prod/echo'")

    def test_first_paint_of_a_thousand_is_under_a_second(self):
        one = "---\napiVersion: linnet.dev/v1alpha1\nkind: ModelDeployment\n" \
              "metadata: {name: d%d, namespace: prod}\nspec: {model: echo, version: none, replicas: 1}\n"
        self.world.write("manifests/many.yaml", "".join(one % i for i in range(1000)))
        self.world.declare("none")
        self.world.start()
        wait(60, "the fleet is in", lambda: "planned" in self.world.tail())
        paints = []

        def is_fast():  # in one of several tries: what else the machine does is not the page's
            self.browser.open("about:blank", 1440, 900)
            self.browser.open(f"http://127.0.0.1:{self.port}/", 1440, 900)
            paints.append(self.browser.wait("all rows", f"{ROWS} >= 1000 && {PAINT}", 60))
            return paints[-1] < 1000

        wait(10, "a first paint within a second", is_fast)
        print(f"measured: first paint of 1,000 deployments {paints[-1]:.0f} ms")


if __name__ == "__main__":
    unittest.main()
