"""`u2bg doctor`: what is there, what works, and what helps."""

from __future__ import annotations

import dataclasses
import json

import click

_MARKS = {"good": "ok", "note": "--", "bad": "BAD"}


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
@click.option("--no-timing", is_flag=True, help="Leave out the three seconds in which the network runs.")
def command(as_json: bool, no_timing: bool) -> int:
    """Look at Python, packages, processor, memory, models and devices; run the network; say what to mend.

    A device is called bound only after a network has run on it. Exit code 1 if something is bad.

    \b
    Examples:
      u2bg doctor
      u2bg doctor --json > report.json
    """
    from u2bg.doctor import examine

    findings = []
    for finding in examine(timed=not no_timing):
        findings.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.level]:4}{finding.topic:16} {finding.said}")
            if finding.fix:
                click.echo(f"{'':4}{'':16} fix: {finding.fix}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    return int(any(finding.level == "bad" for finding in findings))
