#!/usr/bin/python3
"""Writes a made-up history of deployments and how risky each turned out to be.

The same seed gives the same rows: a longer file begins with the bytes of a shorter one, and
`--drifted` only appends. Ids hold the seed and the part, so files of different seeds, or
`--rows 0 --drifted N`, never clash with others.
"""
import argparse
import csv
import random
import sys
from datetime import datetime, timedelta

COLUMNS = ("id", "deployed_at", "files_changed", "environment", "team", "time_of_day",
           "previous_failures", "risk_level")
LEVELS = ("Low", "Medium", "High")
ENVIRONMENTS = {"dev": 30, "staging": 30, "prod": 40}             # name: share in percent
TEAMS = ("data", "mobile", "payments", "platform", "search", "web")
NEW_TEAMS = ("billing", "edge", "ml")
HASTY_TEAMS = {"mobile", "payments", "ml"}
EVERY = timedelta(minutes=5)                                      # one deployment every so often
LUCK = 0.08                                                       # share that no model can foresee


class World:
    """How deployments look during one period, and what makes them risky."""

    def __init__(self, part, start, mean_files, teams, risky_nights):
        self.part, self.start, self.mean_files = part, start, mean_files
        self.teams, self.risky_nights = teams, risky_nights


BEFORE = World("a", datetime(2025, 1, 1), 50, TEAMS, True)
AFTER = World("b", datetime(2025, 7, 1), 200, TEAMS + NEW_TEAMS, False)
ROWS_MAX = (AFTER.start - BEFORE.start) // EVERY                  # more would reach into AFTER


def points(world, files, environment, team, hour, failures):
    """The true risk: a sum of small whole numbers, one term a cause."""
    night = hour < 6
    return ((files > 35) + (files > 70)
            + {"dev": 0, "staging": 1, "prod": 2}[environment]
            + (team in HASTY_TEAMS)
            + (night and world.risky_nights)
            + min(failures, 2))


def level(total, rng):
    """Low, Medium or High for so many points; a LUCK share ends up beside its true level."""
    index = (total > 2) + (total > 4)
    if rng.random() < LUCK:
        index = 1 if index != 1 else rng.choice((0, 2))
    return LEVELS[index]


def row(world, seed, number):
    """The values of COLUMNS for one deployment, a function of its arguments alone."""
    rng = random.Random(f"{seed}/{world.part}/{number}")
    deployed_at = world.start + number * EVERY + timedelta(seconds=rng.randrange(300))
    files = 1 + int(rng.gammavariate(4, (world.mean_files - 0.5) / 4))
    environment = rng.choices(list(ENVIRONMENTS), ENVIRONMENTS.values())[0]
    team = rng.choice(world.teams)
    failures = rng.choices(range(5), (55, 25, 12, 5, 3))[0]
    total = points(world, files, environment, team, deployed_at.hour, failures)
    return (f"{seed}{world.part}{number:06d}", f"{deployed_at:%Y-%m-%dT%H:%M:%SZ}", files,
            environment, team, deployed_at.hour, failures, level(total, rng))


def rows(count, drifted, seed):
    """`count` rows from before the change, then `drifted` ones from after it."""
    for number in range(count):
        yield row(BEFORE, seed, number)
    for number in range(drifted):
        yield row(AFTER, seed, number)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10000, help="rows before the change")
    parser.add_argument("--drifted", type=int, default=0, help="rows after it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", default="-", help="a file; - is standard output")
    arguments = parser.parse_args()
    if not 0 <= arguments.rows <= ROWS_MAX or arguments.drifted < 0:
        parser.error(f"--rows is from 0 to {ROWS_MAX}, --drifted is not negative")
    return arguments


def main():
    arguments = parse_arguments()
    out = sys.stdout if arguments.out == "-" else open(arguments.out, "w", encoding="utf-8")
    with out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows(arguments.rows, arguments.drifted, arguments.seed))


if __name__ == "__main__":
    main()
