"""Figures of a benchmark: one round's, the median round's, and how they are shown and written.

Every benchmark writes {"machine": {...}, "results": [...]}, each result with "case", "peer", what
else tells cases apart ("guests", or "wait", "cores" and "payload_bytes"), "unit", "p50", "p99",
"max" and "cpu_us".
"""

import json
import math

def percentile(ordered, part):
    """Nearest rank: the smallest value that at least `part` of all are not above."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def summarise(latencies_ns, cpu_ns):
    """One round in microseconds: latencies of all guests together, and CPU for one operation."""
    ordered = sorted(latencies_ns)
    return {
        "unit": "us",
        "p50": round(percentile(ordered, 0.50) / 1000, 2),
        "p99": round(percentile(ordered, 0.99) / 1000, 1),
        "max": round(ordered[-1] / 1000, 1),
        "cpu_us": round(cpu_ns / len(ordered) / 1000, 1),
    }


def median_round(rounds, by="p50"):
    """The middle one by p50, whole: its figures belong together. Of two, the slower one.

    Rounds that other programs disturbed are looked at only when there are no others.
    """
    trusted = [figures for figures in rounds if not figures["disturbed"]] or rounds
    return sorted(trusted, key=lambda figures: figures[by])[len(trusted) // 2]


def table(rows, columns):
    """Rows (dicts) as text, `columns` wide as needed, numbers to the right."""
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    is_number = [isinstance(rows[0].get(column), (int, float)) for column in columns]

    def line(row):
        padded = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, is_number)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in [columns, *cells])


def tables_by_case(rows, name, cases, left_out):
    """A table for each of `cases` of benchmark `name` that there are rows of, with all their columns but `left_out`."""
    text = ""
    for case in cases:
        of_case = [row for row in rows if row["case"] == f"{name}.{case}"]
        if of_case:
            columns = list(dict.fromkeys(key for row in of_case for key in row if key not in left_out))
            text += f"\n{table(of_case, columns)}\n"
    return text


def disturbance(rows):
    """A warning when other programs were at work during every round of some case; else None."""
    count = sum(row.get("disturbed", False) for row in rows)
    if count == 0:
        return None
    return (
        f"Not to be relied on: in {count} of {len(rows)} cases other programs used the processors, "
        "too. Run it again on a quiet machine, or with --wait."
    )


def tell(options, machine, heading, text, goals, rows, draw=None):
    """What every benchmark ends with: its machine, its figures, what was to be reached, and the files that were asked for."""
    print(heading)
    print(text)
    if goals:
        print("\n" + table(goals, list(goals[0])))
    if warning := disturbance(rows):
        print("\n" + warning)
    if options.json:
        write_json(options.json, machine, rows)
    if draw and options.plot:
        draw(rows, options.plot)


def write_json(path, machine, rows):
    """Without what only tells how far to trust a row: "machine_us" is coarse (see cpu.py)."""
    not_kept = ("machine_us", "disturbed")
    kept = [{key: row[key] for key in row if key not in not_kept} for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "results": kept}, file, indent=1)
        file.write("\n")
