"""What the doctor says of a machine that is well, and of each thing that is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.command import Command
from tests.onnx_files import brightness

from u2bg import compiled
from u2bg.doctor import Finding, findings, machine, models, packages
from u2bg.saliency import engines, folders
from u2bg.saliency.models import DEFAULT_MODEL, MODELS, PREPARED, find


def by_topic(found: list[Finding]) -> dict[str, Finding]:
    return {finding.topic: finding for finding in found}


def test_a_machine_that_is_well_is_told_so(command: Command) -> None:
    ran = command("doctor", "--json", "--no-timing")
    found = {row["topic"]: row for row in json.loads(ran.stdout)}
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert {row["level"] for row in found.values()} <= set(findings.LEVELS)
    for topic in ("python", "u2bg", "loops", "packages", "processor", "cores", "memory", "disk", "settings"):
        assert found[topic]["said"]
    assert found[f"model {DEFAULT_MODEL}"]["said"].startswith("whole: ")
    assert found["device cpu"]["said"] == "bound: a network ran on it"
    assert all(row["fix"] for row in found.values() if row["level"] == "bad")


def test_people_read_a_line_each_and_the_fix_below(command: Command, models_home: Path) -> None:
    models_home.mkdir()
    (models_home / "u2netp.onnx").write_bytes(b"cut off")
    ran = command("doctor", "--no-timing")
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("BAD model u2netp"))
    assert "damaged: got 7 bytes, expected 4,574,861" in lines[at]
    assert lines[at + 1].strip() == "fix: u2bg models pull u2netp"


def test_every_device_is_tried_and_only_a_network_that_ran_makes_it_bound() -> None:
    found = by_topic(list(models.examine_devices()))
    assert list(found) == [f"device {name}" for name in engines.DEVICES if name != "auto"]
    for finding in found.values():
        assert (finding.level == "good") == finding.said.startswith("bound")


def test_a_damaged_package_is_bad_in_every_way_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "EMBEDDED", tmp_path)
    brightness(tmp_path / find(DEFAULT_MODEL).file)
    brightness(tmp_path / PREPARED[DEFAULT_MODEL].file)
    found = [one for one in models.examine_files() if one.topic == f"model {DEFAULT_MODEL}"]
    fix = "pip install --force-reinstall u2bg"
    assert [(one.level, one.fix) for one in found] == [("bad", fix)] * 2
    (device,) = models.examine_devices()
    assert (device.level, device.fix) == ("bad", fix)
    assert models.examine_speed(0).level == "bad"


def test_the_speed_is_measured_and_put_beside_what_is_expected() -> None:
    finding = models.examine_speed(0)
    assert "ms a picture, median of 1; expected " in finding.said
    assert finding.level in {"good", "note"}


def test_the_cost_of_a_counted_model_is_that_of_its_convolutions() -> None:
    stages = pytest.importorskip("u2bg.network.stages")
    from u2bg.network.convolutions import multiply_adds

    for spec in MODELS.values():
        if spec.multiply_adds:
            size = (spec.input.size, spec.input.size)
            known = {
                multiply_adds(table, size)
                for table in vars(stages).values()
                if isinstance(table, tuple) and table and isinstance(table[0], stages.Stage)
            }
            assert spec.multiply_adds in known


def test_missing_and_old_packages_are_named_with_what_installs_them() -> None:
    found = by_topic(
        list(
            packages.of_requirements(
                [
                    "numpy>=2.0",
                    "nowhere-to-be-found>=1",
                    "pillow>=999",
                    "not-for-this-python>=1; python_version < '3'",
                    "pytest>=1; extra == 'good'",
                    "nothing>=1; extra == 'absent'",
                    "pytest>=1; extra == 'half'",
                    "other-thing[data]>=2; extra == 'half'",
                ]
            )
        )
    )
    base = found["packages"]
    assert base.said.startswith("nowhere-to-be-found missing; too old: pillow ")
    assert (base.level, base.fix) == ("bad", "pip install --upgrade --force-reinstall u2bg")
    assert found["extra good"].level == "good"
    assert found["extra absent"] == Finding(
        "extra absent", "not installed", "note", "pip install 'u2bg[absent]'"
    )
    assert found["extra half"].said == "other-thing missing"


@pytest.mark.parametrize(
    ("flags", "has"), [({"avx2", "avx512_vnni"}, True), ({"asimddp"}, True), ({"avx2"}, False)]
)
def test_a_network_in_8_bits_is_expected_to_be_quick_only_where_the_processor_has_it(
    flags: set[str], has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_flags", lambda: flags)
    assert machine.has_int8() == has
    rate = 1e9
    monkeypatch.setattr(models, "_matrix_rate", lambda: rate)
    said = models.examine_speed(0.01).said
    least = find(DEFAULT_MODEL).multiply_adds / (rate * (3 if has else 1.25))
    assert f"expected {1e3 * least:.0f} to " in said


def test_little_memory_is_bad_and_unknown_memory_is_said() -> None:
    assert (machine.memory(200_000_000).level, machine.memory(8_000_000_000).level) == ("bad", "good")
    assert machine.memory(None).said == "how much is free is not known here"


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("900000000\n")
    (tmp_path / "memory.current").write_text("500000000\n")
    monkeypatch.setattr(machine, "GROUP", tmp_path)
    found = by_topic(list(machine.examine()))
    if Path("/proc/meminfo").exists():
        assert found["memory"].said == "0.4 GB free"
        assert found["memory"].level == "bad"


def test_no_value_of_a_variable_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy:1")
    ran = command("doctor", "--no-timing", "--json")
    assert "HTTPS_PROXY" in ran.stdout
    assert "secret" not in ran.stdout


@pytest.mark.skipif(os.name != "posix", reason="disk usage of a made-up folder")
def test_a_models_folder_that_is_not_there_yet_is_measured_where_it_would_be(tmp_path: Path) -> None:
    finding = machine.disk(tmp_path / "none" / "yet")
    assert str(tmp_path / "none" / "yet") in finding.said
    assert finding.level in {"good", "note"}


def test_loops_that_are_not_compiled_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "loops", None)
    found = by_topic(list(packages.examine()))["loops"]
    assert found.level == "note"
    assert "compiler" in found.fix
