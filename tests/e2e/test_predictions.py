"""A canary watched by what it predicts, from the servers' own prediction logs."""

import unittest

from world import MODEL, Load, World, wait

WATCH = "    analysis:\n      predictions: {maxDistance: 25%}\n"


def watch(text):
    return text.replace("    analysis:\n", WATCH)


class PredictionsTest(unittest.TestCase):
    def test_what_predicts_alike_goes_out_and_what_predicts_one_class_goes_back(self):
        world = World()
        self.addCleanup(world.close)
        world.declare("v1", {"log": True}, edit=watch)
        world.start()
        wait(40, "v1 is steady", lambda: world.is_steady("v1"))
        with Load(world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            world.declare("v2", {"log": True}, edit=watch)
            wait(90, "v2 is steady", lambda: world.is_steady("v2"))
            world.declare("v3", {"log": True, "predicts": "odd"}, edit=watch)
            wait(60, "answers of v3", lambda: load.count("v3") > 10)
            world.kill()                    # what was counted is there again afterwards
            world.start()
            wait(90, "a revert on main", lambda: world.declared_version() == "v2")
        [failed] = world.quarantined()
        self.assertRegex(failed["reason"], r"predicts odd in 100 % of cases, the stable revision in "
                                           r"0 %: labels differ by 100 % .*, above 25 %: harm")
        why = world.linnet("why", "prod/echo")
        self.assertIn("predictions: labels differ by 100 %", why)
        self.assertIn("odd: candidate 100 %, stable 0 %", why)

    def test_the_mean_number_for_everyone_goes_back(self):
        world = World()
        self.addCleanup(world.close)
        world.write("manifests/model.yaml", MODEL.replace("BYTES, classes: [even, odd]",
                                                          "FP64, min: 0, max: 1"))
        edit = lambda text: watch(text).replace("25%}", "10%}")
        world.declare("v1", {"log": True, "numbers": True}, edit=edit)
        world.start()
        wait(40, "v1 is steady", lambda: world.is_steady("v1"))
        with Load(world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            world.declare("v2", {"log": True, "numbers": True, "predicts": 0.5}, edit=edit)
            wait(90, "a revert on main", lambda: world.declared_version() == "v1")
        [failed] = world.quarantined()
        self.assertRegex(failed["reason"], r"predicts about 0.5 in 100 % of cases, the stable "
                                           r"revision in \d.* %: numbers differ by \d+ % of their "
                                           r"range .*, above 10 %: harm")
        why = world.linnet("why", "prod/echo")
        self.assertRegex(why, r"predictions: numbers differ by \d.* % of their range")
        self.assertIn("about 0.5: candidate 100 %", why)
        self.assertIn("made again, the same to the last byte", world.linnet("verify", "prod/echo",
                                                                          "--path", "manifests"))

    def test_a_server_that_logs_nothing_is_not_taken_for_one_that_is_alike(self):
        world = World()
        self.addCleanup(world.close)
        edit = lambda text: watch(text).replace("    keepPrevious", "      noDataDeadline: 10s\n"
                                                "    keepPrevious")
        world.declare("v1", {"log": True}, edit=edit)
        world.start()
        wait(40, "v1 is steady", lambda: world.is_steady("v1"))
        with Load(world.port) as load:
            wait(5, "answers of v1", lambda: load.count("v1") > 50)
            world.declare("v2", edit=edit)
            wait(90, "it says what is missing", lambda: "no predictions of both revisions in the "
                 "prediction log for longer than noDataDeadline: it holds" in world.linnet(
                     "status", "prod/echo", "-o", "json"))
        self.assertNotIn("canary 5 % -> 25 % (v2)", world.history())


if __name__ == "__main__":
    unittest.main()
