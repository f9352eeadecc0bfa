"""Brings a handoff from node a to node b exactly into a phase, and keeps it there, without waiting for any time.

A relay that holds what one node says keeps the other from going on: the source asks for the next step of the destination, and has its
answer as a message of its own. A handoff that is manual stops at the freeze by itself; a backend of the destination that is stopped keeps
it in `finish`. `begin` is over within a millisecond: there the source's vsmgrd itself is stopped as soon as its database says so.
"""

import os
import signal
import time

from node import PATIENCE_S, wait_until
from watcher import open_database

PHASES = ("check", "begin", "prepare", "transfer", "freeze", "commit", "finish", "confirm")
BEFORE_COMMIT = PHASES[:5]
BEGIN_TRIES = 40
FREEZE_TRIES = 10
BEGIN_BINDINGS = 60
DOMAIN = "web1"


def source_is_in(world, identifier, phase):
    wait_until(lambda: (world.a.record(identifier) or ("",))[0] == phase, f"the source to be in {phase}")


def check(world):
    world.network.say("hold", "a")
    identifier = world.start()
    world.network.wait_for("a")
    return identifier


def answer_of_check(world):
    """The destination's first answer is held."""
    world.network.say("hold", "b")
    identifier = world.start()
    world.network.wait_for("b")
    return identifier


def stands_still(pid):
    """All of its threads: a signal to stop takes its time."""
    states = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as stat:
            states.append(stat.read().rsplit(")", 1)[1].split()[0])
    return set(states) == {"T"}


def bindings_more():
    """So that the source has more to read, and is longer in begin."""
    return [f"\napiVersion: vservices/v1\nkind: Binding\nmetadata: {{name: more{number}}}\n"
            f"spec: {{domain: {DOMAIN}, service: dns, device: more{number}}}\n" for number in range(BEGIN_BINDINGS)]


def begin(world):
    world.a.apply("---".join(bindings_more()))
    for _ in range(BEGIN_TRIES):
        identifier = answer_of_check(world)
        with open_database(world.a.database()) as database:
            world.network.say("pass", "b")
            end = time.monotonic() + PATIENCE_S
            while database.execute("SELECT phase, outcome FROM handoff WHERE id = ?", [identifier]).fetchone() == ("check", "Running"):
                assert time.monotonic() < end, "the source stays in check"
            world.a.manager.send_signal(signal.SIGSTOP)
        wait_until(lambda: stands_still(world.a.manager.pid), "the source to stand still")
        if world.a.record(identifier)[0] == "begin" and world.b.record(identifier) is None:
            return identifier
        world.a.manager.send_signal(signal.SIGCONT)
        world.say("a", identifier, "cancel")
        wait_until(lambda one=identifier: world.told("a", one).get("ended"), "another try")
        wait_until(lambda one=identifier: (world.b.record(one) or ("", "Cancelled"))[1] != "Running", "another try")
        if world.told("a", identifier)["outcome"] == "Done":  # it was faster: back again
            back = world.start("b")
            world.wait_for("b", back, outcome="Done")
    raise AssertionError("the source was never met in begin")


def prepare(world):
    identifier = answer_of_check(world)
    world.network.say("hold", "a")
    world.network.say("pass", "b")
    source_is_in(world, identifier, "prepare")
    world.network.wait_for("a")
    return identifier


def transfer(world):
    identifier = prepare(world)
    world.network.say("hold", "b")
    world.network.say("pass", "a")
    world.network.wait_for("b")
    world.network.say("hold", "a")
    world.network.say("pass", "b")
    source_is_in(world, identifier, "transfer")
    world.network.wait_for("a")
    return identifier


def waits_for(world, identifier, word):
    """Whether it comes to wait for that word; it may end before that."""
    def comes():
        told = world.told("a", identifier)
        return told.get("ended") or told.get("waitsFor") == word
    wait_until(comes, f"it to wait for {word}")
    return world.told("a", identifier).get("waitsFor") == word


def frozen(world, then=lambda identifier: True):
    """A machine that is busy elsewhere may not come to `then` before the freeze is over by itself: then another one."""
    for _ in range(FREEZE_TRIES):
        identifier = world.start(manual=True)
        if (waits_for(world, identifier, "freeze") and world.say("a", identifier, "freeze")[0] == 202
                and waits_for(world, identifier, "commit") and then(identifier)):
            return identifier
    raise AssertionError("no handoff could be frozen")


def freeze(world):
    return frozen(world)


def commit(world):
    def commits(identifier):
        world.network.say("hold", "a")
        if world.say("a", identifier, "commit")[0] == 202:
            return True
        world.network.say("pass", "a")
        return False
    identifier = frozen(world, commits)
    source_is_in(world, identifier, "commit")
    world.network.wait_for("a")
    return identifier


def finish(world):
    def commits(identifier):
        world.b.signal_backends(signal.SIGSTOP)
        if world.say("a", identifier, "commit")[0] == 202:
            return True
        world.b.signal_backends(signal.SIGCONT)
        return False
    identifier = frozen(world, commits)
    source_is_in(world, identifier, "finish")
    return identifier


def confirm(world):
    identifier = finish(world)
    world.network.say("hold", "a")
    world.b.signal_backends(signal.SIGCONT)
    source_is_in(world, identifier, "confirm")
    world.network.wait_for("a")
    return identifier


def enter(world, phase):
    return globals()[phase](world)


def let_go(world, phase, fault):
    """What kept it there does so no more."""
    if phase == "begin" and not fault.keeps_source:
        world.a.manager.send_signal(signal.SIGCONT)
    if phase == "finish" and not fault.keeps_backends:
        world.b.signal_backends(signal.SIGCONT)
    if not fault.keeps_network:
        world.network.everywhere("pass")
