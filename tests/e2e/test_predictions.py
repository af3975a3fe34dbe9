"""A canary watched by what it predicts, from the servers' own prediction logs."""

import unittest

from world import Load, World, wait

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
