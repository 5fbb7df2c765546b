"""The report: one table of everything measured, as Markdown and JSON."""

import json

from measure.spread import median, quantile, shown


def wanted(row):
    for key, words in (("at_least", "at least"), ("at_most", "at most")):
        if row.get(key) is not None:
            return f"{words} {row[key]:g}"
    return row.get("wanted", "")


def line(row):
    unit = row["unit"]
    peer = f"{row['peer']}: {shown(row['peer_values'])}" if row.get("peer_values") else row.get("peer", "")
    ratio = shown(row["ratios"], 2) if row.get("ratios") else ""
    return f"| {row['what']} | {shown(row['heter'])} {unit} | {peer} | {ratio} | {wanted(row)} |"


def quietness(rows):
    others = [value for row in rows for value in row.get("others", [])]
    calibration = [1000 * value for row in rows for value in row.get("calibration", [])]
    if not others:
        return ""
    return (f"Others used {100 * median(others):.1f} % of the machine (p90 {100 * quantile(others, 0.9):.1f} %); "
            f"a fixed loop took {shown(calibration, 1)} ms.")


def markdown(report):
    head = (f"{report['machine']}; {report['when']}; Heter {report['commit']}; {'; '.join(report['versions'])}. "
            f"Medians (p10-p90) of up to {report['rounds']} rounds. {report['idle']} {quietness(report['rows'])}")
    lines = [head.strip(), "", "| what | Heter | peer or bound | ratio | wanted |", "|---|---|---|---|---|"]
    return "\n".join(lines + [line(row) for row in report["rows"]]) + "\n"


def write(report, folder):
    """Rewritten after each part, so that a run that is cut short leaves what it has."""
    (folder / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(report))
