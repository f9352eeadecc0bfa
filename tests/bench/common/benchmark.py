"""What every benchmark is, from its options to its exit status."""

from common import isolate, machine, results


def run(options, packages, measure, show, *, covered=(), draw=None):
    """Measures in namespaces of its own and tells what came of it; the exit status.

    `measure(scratch)` gives the rows (None: it failed, and has said why); `show(rows)` the text about
    them and what was to be reached (a list of rows, which may be empty). The others as in isolate.run
    and results.tell.
    """
    block = machine.describe(packages)
    scratch = isolate.scratch_directory(options.build)
    rows = isolate.run(lambda: measure(scratch), scratch, covered)
    if rows is None:
        return 1
    text, goals = show(rows)
    results.tell(options, block, machine.heading(block), text, goals, rows, draw)
    return 0
