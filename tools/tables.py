"""The generated parts of the docs, each from the code that decides it. `parts` names them all."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import click
from click.testing import CliRunner

import browser_tables
import edge_tables
import results
import scale
import server_tables
import speed_tables
import video_tables
from counting import SIZE, rows, whole
from u2bg import cli, errors
from u2bg.imaging.formats import FORMATS
from u2bg.network.stages import U2NET, U2NETP
from u2bg.saliency.models import DEFAULT_MODEL, MODELS, ModelSpec, ReleaseFile, forms
from u2bg.training import recipe

SCORES = "benchmarks/results/scores.json"
PRECISION = "benchmarks/results/precision.json"

Part = Callable[[], str]


def parts(root: Path) -> dict[str, Part]:
    """Every marker's name and what makes the text between its markers."""
    helps: dict[str, Part] = {f"help-{verb}": partial(help_pages, (verb,)) for verb in cli.VERBS}
    return {
        "stages": stages_table,
        "sizes": sizes_table,
        "models": models_table,
        "model-files": model_files_table,
        "model-inputs": model_inputs_table,
        "formats": formats_table,
        "errors": errors_table,
        "exit-codes": exit_codes_table,
        "cli": every_help_page,
        "help": partial(help_pages, ()),
        **helps,
        "rooms": partial(rooms_table, root),
        "layers": partial(layers, root),
        "scores": partial(scores_table, root),
        "precision": partial(precision_table, root),
        "edge-scores": partial(edge_tables.scores, root, table),
        "edge-colours": partial(edge_tables.colours, root, table),
        "edge-goals": partial(edge_tables.goals, root, table),
        "edge-times": partial(edge_tables.times, root, table),
        "edge-memory": partial(edge_tables.memory, root, table),
        "second-pass": partial(edge_tables.second_pass, root, table),
        "speed": partial(speed_tables.speed, root, table),
        "growth": partial(speed_tables.growth, root, table),
        "cores": partial(speed_tables.cores, root, table),
        "roofline": partial(speed_tables.roofline, root, table),
        "folders-measured": partial(scale.measured, root, table),
        "scale-plan": partial(scale.plan, root, table),
        "http-codes": lambda: table(("code", ">HTTP status", "when"), server_tables.codes()),
        "image-size": partial(server_tables.image_size, root),
        "browser-speed": partial(browser_tables.speed, root),
        "server-speed": partial(server_tables.speed, root),
        "video-quality": partial(video_tables.quality, root),
        "video-speed": partial(video_tables.speed, root),
        "recipe-keys": recipe_table,
    }


def recipe_table() -> str:
    """Every key of a recipe."""
    return table(
        ("key", "default", "meaning"),
        [(f"`{part}.{key}`", f"`{default}`", about) for part, key, default, about in recipe.rows()],
    )


def table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a head that begins with `>` makes its column right-aligned."""
    rule = ["---:" if head.startswith(">") else "---" for head in heads]
    names = [head.removeprefix(">") for head in heads]
    return "\n".join("| " + " | ".join(line) + " |" for line in [names, rule, *map(escaped, body)])


def escaped(cells: Sequence[str]) -> list[str]:
    """Cells whose bars do not end them."""
    return [cell.replace("|", "\\|") for cell in cells]


def stages_table() -> str:
    """The paper's table, both sizes: channels in, inside and out, and the size of the map."""
    body = [
        (
            f"`{full.stage.name}`",
            full.stage.rsu,
            f"{full.side} × {full.side}",
            f"{full.entering} → {full.stage.mid} → {full.stage.out}",
            f"{small.entering} → {small.stage.mid} → {small.stage.out}",
        )
        for full, small in zip(rows(U2NET), rows(U2NETP), strict=True)
    ]
    return table(("stage", "block", f"map at {SIZE} × {SIZE}", "U²-Net: in → mid → out", "U²-Net†"), body)


def sizes_table() -> str:
    """What both sizes hold and cost."""
    body = []
    for name, stages in (("U²-Net", U2NET), ("U²-Net†", U2NETP)):
        parameters, multiply_adds = whole(stages)
        body.append((name, f"{parameters:,}", f"{multiply_adds / 1e9:.1f} G"))
    return table(("network", ">trainable parameters", f">multiply-adds at {SIZE} × {SIZE}"), body)


def models_table() -> str:
    """What a reader chooses by."""
    body = [
        (
            f"`{spec.name}`" + (" (default)" if spec.name == DEFAULT_MODEL else ""),
            spec.about,
            f"about {spec.size_bytes / 1e6:,.0f} MB"
            if spec.size_is_about
            else f"{spec.size_bytes / 1e6:.1f} MB",
            f"{spec.input.size} × {spec.input.size}"
            + (", in the photo's shape" if spec.input.keep_aspect else ""),
            "with the package" if spec.embedded else f"`u2bg models pull {spec.name}`",
            spec.licence,
        )
        for spec in MODELS.values()
    ]
    return table(("model", "what it is", ">file", "sees", "how it is had", "licence"), body)


def model_files_table() -> str:
    """What a reader checks by: hashes and origins."""
    body = [
        (
            f"`{spec.name}`",
            f"`{spec.file}`",
            f"SHA-256 `{spec.sha256}`" if spec.sha256 else f"MD5 `{spec.md5}`",
            origins(spec),
        )
        for row in MODELS.values()
        for spec in forms(row)
    ]
    return table(("model", "file", "known by", "origins, in the order of trying"), body)


def model_inputs_table() -> str:
    """What each network is shown, and what its answer means."""
    body = [
        (
            f"`{spec.name}`",
            f"{spec.input.size} × {spec.input.size}"
            + (", in the photo's shape" if spec.input.keep_aspect else ""),
            ", ".join(f"{value:g}" for value in spec.input.mean),
            ", ".join(f"{value:g}" for value in spec.input.std),
            ANSWERS[spec.output.values] + (", stretched" if spec.output.stretch else ""),
        )
        for spec in MODELS.values()
    ]
    return table(("model", "sees", "mean", "standard deviation", "answers"), body)


ANSWERS = {
    "saliency": "a map in 0..1",
    "logits": "a map before its sigmoid",
    "classes": "four classes; all but the background count",
}


def origins(spec: ModelSpec) -> str:
    """Where a model is had, in words."""
    if spec.embedded:
        return "the package itself"
    return "; ".join(
        f"[release file]({origin.url})"
        if isinstance(origin, ReleaseFile)
        else f"`{origin.member}` in the wheel `{origin.project}` {origin.version}"
        for origin in spec.origins
    )


def formats_table() -> str:
    """Which pictures are read and written."""
    body = [
        (
            f"`{row.name}`",
            ", ".join(f"`{suffix}`" for suffix in row.suffixes),
            ("as `tiff`" if not row.signatures else f"extra `{row.extra}`") if row.extra else "yes",
            (f"extra `{row.extra}`" if row.extra else "yes") if row.written else "–",
            ("yes" if row.transparent else "no: laid on a colour") if row.written else "–",
            "yes" if row.deep else "–",
            "yes" if row.layered else "–",
        )
        for row in FORMATS
    ]
    return table(
        ("format", "file names", "read", "written", "written with transparency", "16 bits", "layers"), body
    )


@cache
def error_classes() -> tuple[tuple[int, type[errors.U2bgError]], ...]:
    """Every class of the tree with its depth, from the root down."""

    def walk(kind: type[errors.U2bgError], depth: int) -> Iterable[tuple[int, type[errors.U2bgError]]]:
        yield depth, kind
        for child in kind.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from walk(child, depth + 1)

    return tuple(walk(errors.U2bgError, 0))


def errors_table() -> str:
    """The tree of errors."""
    body = [
        (
            "&emsp;" * 2 * depth + f"`{kind.__name__}`",
            str(kind.exit_code),
            str(kind.http_status),
            inspect.cleandoc(kind.__doc__ or "").split("\n", maxsplit=1)[0],
        )
        for depth, kind in error_classes()
    ]
    return table(("error", ">exit code", ">HTTP status", "when"), body)


def exit_codes_table() -> str:
    """What the command says by its exit code: from the help of `u2bg remove`, where people read it."""
    said = re.search(r"Exit codes: (.*?)\.$", command_at(("remove",)).help or "", re.MULTILINE | re.DOTALL)
    codes = {int(code): words for code, words in re.findall(r"(\d) ([^,\d]+)", said[1] if said else "")}
    missing = {0, *(kind.exit_code for _, kind in error_classes())} - codes.keys()
    if missing:
        raise SystemExit(
            f"the help of u2bg remove names no exit code {sorted(missing)}; fix: say what it means there"
        )
    codes[cli.INTERRUPTED] = "interrupted (Ctrl-C)"
    return table(
        (">exit code", "means"), [(str(code), " ".join(codes[code].split())) for code in sorted(codes)]
    )


def help_pages(path: tuple[str, ...]) -> str:
    """`u2bg … --help` as the running command prints it, with that of every verb below it."""
    command = command_at(path)
    run = CliRunner().invoke(cli.u2bg_command, [*path, "--help"], prog_name="u2bg", terminal_width=80)
    if run.exit_code:
        raise SystemExit(f"u2bg {' '.join([*path, '--help'])}: exit code {run.exit_code}: {run.exception}")
    pages = ["```console\n$ u2bg " + " ".join([*path, "--help"]) + f"\n{run.output.strip()}\n```"]
    if path and isinstance(command, click.Group):
        pages += [help_pages((*path, verb)) for verb in verbs(command)]
    return "\n\n".join(pages)


def every_help_page() -> str:
    """The whole command line, a section a verb."""
    sections = [help_pages(())]
    sections += [f"## `u2bg {verb}`\n\n{help_pages((verb,))}" for verb in verbs(cli.u2bg_command)]
    return "\n\n".join(sections)


def verbs(group: click.Group) -> list[str]:
    """Names of the commands of a group."""
    return group.list_commands(click.Context(group))


def command_at(path: tuple[str, ...]) -> click.Command:
    """The command that these words call."""
    command: click.Command = cli.u2bg_command
    for word in path:
        below = (
            command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        )
        if below is None:
            raise SystemExit(f"u2bg has no command {' '.join(path)!r}")
        command = below
    return command


def rooms_table(root: Path) -> str:
    """Every module and the first line of its docstring."""
    source = root / "src"
    body = []
    for path in sorted((source / "u2bg").rglob("*.py"), key=lambda path: module_name(source, path)):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if not said:
            raise SystemExit(f"{path.relative_to(root)} has no docstring; fix: say in one line what it is")
        body.append((f"`{module_name(source, path)}`", said.split("\n", maxsplit=1)[0]))
    return table(("module", "what lives there"), body)


def module_name(source: Path, path: Path) -> str:
    """`u2bg.network.stages`; a package by its own name."""
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def layers(root: Path) -> str:
    """The import rules, as the layer test holds them."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    told = []
    for contract in project["tool"]["importlinter"]["contracts"]:
        name = contract["name"][0].upper() + contract["name"][1:]
        if contract["type"] == "layers":
            steps = [layer.replace("u2bg.", "") for layer in contract["layers"]]
            told.append(f"**{name}.**\n\n```text\n" + "\n  ↓\n".join(steps) + "\n```")
        else:
            above, below = (
                ", ".join(f"`{module}`" for module in contract[key])
                for key in ("source_modules", "forbidden_modules")
            )
            told.append(f"**{name}.** {above} may not import {below}.")
    return "\n\n".join(told)


def precision_table(root: Path) -> str:
    """What the forms of `lite` score, from the result file of benchmarks/precision.py."""
    result = results.read(root, PRECISION)
    if result is None:
        return f"Not measured yet: `benchmarks/precision.py … --json {PRECISION}` writes the figures that belong here."
    heads = {"mae": "MAE", "f_max_set": "maxF", "s": "S", "iou": "IoU", "boundary_iou": "boundary IoU"}
    body = [
        (f"{name}, {row['pictures']} pictures", form, *(f"{scores[key]:.4f}" for key in heads))
        for name, row in result["rows"].items()
        for form, scores in row["forms"].items()
    ]
    machine = result["machine"]
    measured = f"{machine['cpu']}, {machine['date']}, commit `{machine['commit']}`."
    return table(("set", "form", *(f">{head}" for head in heads.values())), body) + f"\n\n{measured}"


def scores_table(root: Path) -> str:
    """Measured scores, from the result file that `benchmarks/scores.py --json` writes."""
    result = results.read(root, SCORES)
    if result is None:
        return (
            f"Not measured yet: `benchmarks/scores.py … --json {SCORES}` writes the figures that belong here."
        )
    body, names = [], []
    for name, row in result["rows"].items():
        contestants = {key: value for key, value in row.items() if isinstance(value, dict)}
        names = list(next(iter(contestants.values())))
        for contestant, scores in contestants.items():
            figures = [f"{scores[column]:.4f}" for column in names]
            body.append((f"{name}, {row['pictures']} pictures", contestant, *figures))
    machine = result["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    note = f"Measured {machine['date']} at commit `{machine['commit']}`, with {versions}."
    return table(("set", "masks", *(f">{column}" for column in names)), body) + "\n\n" + note
