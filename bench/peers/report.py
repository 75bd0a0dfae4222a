#!/usr/bin/python3
"""What bench/peers.sh measured, as a table and as JSON.

    report.py FOLDER MACHINE JSON   FOLDER has runs, traced and skipped
"""

import json
import pathlib
import statistics
import sys

SLUICE = "sluice"
HEAD = ("relay", "configuration", "messages/s", "Sluice", "CPU us", "Sluice", "ack/s", "durable",
        "out, most", "allowed", "twice", "lost")


def lines(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def rows(folder):
    """One for each configuration, in the order they ran: medians of its runs."""
    durable = {peer: json.loads(text) for peer, text in lines(folder / "traced")}
    found = {}
    for peer, name, allowed, words, text in lines(folder / "runs"):
        row = found.setdefault((peer, name), {
            "peer": peer, "configuration": name, "description": words,
            "connections_allowed": int(allowed) if allowed.isdigit() else None,
            **durable[peer], "runs": []})
        row["runs"].append(json.loads(text))
    for row in found.values():
        for key, value in row["runs"][0].items():
            if isinstance(value, str):
                row[key] = value
                continue
            total = max if key in ("connections_most", "lost", "duplicates") else statistics.median
            row[key] = total(run[key] for run in row["runs"])
    return list(found.values())


def compare(found):
    """Sluice's rate by each row's, and each row's CPU by Sluice's: so much better is Sluice.
    A relay is as good as its best configuration."""
    ours = [row for row in found if row["peer"] == SLUICE]
    best = {}
    for row in found:
        row["ratio"] = row["cpu_ratio"] = None
        if ours:
            row["ratio"] = ours[0]["messages_per_second"] / row["messages_per_second"]
            row["cpu_ratio"] = row["cpu_us"] / ours[0]["cpu_us"]
        before = best.get(row["peer"])
        if before is None or row["messages_per_second"] > before["messages_per_second"]:
            best[row["peer"]] = row
    for row in found:
        row["best"] = row is best[row["peer"]]


def cells(row):
    ratio, cpu_ratio = ("" if row[key] is None else f"{row[key]:.1f} x"
                        for key in ("ratio", "cpu_ratio"))
    allowed = row["connections_allowed"]
    least = "" if row["cpu_by"] == "control group" else ">= "
    best = "*" if row["best"] and row["peer"] != SLUICE else ""
    return (row["peer"], row["configuration"] + best, f"{row['messages_per_second']:,.0f}", ratio,
            least + f"{row['cpu_us']:,.0f}", cpu_ratio,
            f"{row['acknowledged_per_second']:,.0f}", row["durable"],
            f"{row['connections_most']:.0f}", "-" if allowed is None else str(allowed),
            f"{row['duplicates']:.0f}", f"{row['lost']:.0f}")


def show(found):
    table = [HEAD, *map(cells, found)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    for row in table:
        print("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
    print("* a relay's best configuration")
    for row in found:
        words = row["description"]
        if row.get("syncs"):
            words += f"; before a 250: {', '.join(row['syncs'])}"
        print(f"{row['peer']} {row['configuration']}: {words}")


def main():
    folder, machine, output = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    found = rows(folder)
    compare(found)
    skipped = [{"peer": peer, "reason": reason} for peer, reason in lines(folder / "skipped")]
    if found:
        show(found)
    for entry in skipped:
        print(f"{entry['peer']} is skipped: {entry['reason']}")
    with open(output, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "relays": found, "skipped": skipped}, file, indent=2)
        file.write("\n")
    ours = [row for row in found if row["peer"] == SLUICE]
    sys.exit(0 if ours and all(row["lost"] == 0 for row in ours) else 1)


main()
