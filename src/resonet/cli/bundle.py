"""`resonet bundle`: what is installed, what is in it, whether it is whole; as a folder, and as a package for pip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonet.errors import BundleError

if TYPE_CHECKING:
    from resonet.bundle import Found, Manifest

# Repeated from resonet.bundle.KINDS, whose import costs 0.2 s that `--help` does not have; a test compares them.
KINDS = ("recognizer", "classifier", "voice", "embedder", "g2p")

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, an object a line.")


@click.group()
def command() -> None:
    """Look at bundles: the files that hold a model and all it needs.

    BUNDLE is the name of an installed one, or a path.
    """


@command.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only bundles of this kind.")
@json_option
def list_(kind: str | None, as_json: bool) -> None:
    """List the installed bundles.

    A damaged one is named on stderr, the others are listed, and the exit code is 3.

    \b
    Example:
      resonet bundle list --kind recognizer
    """
    from resonet.bundle import installed, read_manifest

    rows, damaged = [], False
    for found in installed():
        try:
            manifest = read_manifest(found.path)
        except BundleError as error:
            damaged = True
            click.echo(f"resonet: {error}", err=True)
            continue
        if kind in (None, manifest.kind):
            rows.append(_row(found, manifest))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    elif rows:
        click.echo(_table(rows))
    elif not damaged:
        from resonet.bundle.places import INSTALL

        click.echo(f"no {f'{kind} ' if kind else ''}bundle is installed\n  {INSTALL}", err=True)
    if damaged:
        click.get_current_context().exit(BundleError.exit_code)


@command.command()
@click.argument("bundle")
@click.option("--card", is_flag=True, help="Print the model's card (card.md) too.")
@json_option
def show(bundle: str, card: bool, as_json: bool) -> None:
    """Show what a bundle says about itself.

    \b
    Example:
      resonet bundle show en-small --card
    """
    from resonet.bundle import Bundle, find
    from resonet.bundle.manifest import dump

    found = find(bundle)
    with Bundle(found.path) as opened:
        manifest = opened.manifest
        text = opened.read("card.md").decode("utf-8", "replace") if card and opened.has("card.md") else ""
    if as_json:
        fields = {**_row(found, manifest), "manifest": json.loads(dump(manifest))}
        click.echo(json.dumps({**fields, "card": text} if card else fields, ensure_ascii=False))
        return
    click.echo("\n".join(f"{label:<13}{value}" for label, value in _description(found, manifest)))
    if card:
        click.echo(f"\n{text.rstrip()}" if text else "\nThis bundle has no card.md.")


@command.command()
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@json_option
def verify(bundles: tuple[str, ...], as_json: bool) -> None:
    """Check bundles: form, sizes and the hash of every member.

    The exit code is 3 if one is bad.

    \b
    Example:
      resonet bundle verify model.resonet
    """
    from resonet.bundle import find
    from resonet.bundle import verify as check

    bad = False
    for name in bundles:
        try:
            manifest = check(find(name).path)
        except BundleError as error:
            bad = True
            click.echo(f"resonet: {error}", err=True)
            if as_json:
                click.echo(json.dumps({"bundle": name, "ok": False, "error": error.message}, ensure_ascii=False))
            continue
        if as_json:
            click.echo(json.dumps({"bundle": name, "ok": True, "members": len(manifest.members)}, ensure_ascii=False))
        else:
            click.echo(f"{name}: whole, {len(manifest.members)} members, {_size(_total(manifest))}")
    if bad:
        click.get_current_context().exit(BundleError.exit_code)


@command.command()
@click.argument("bundle")
@click.argument("folder", type=click.Path(path_type=Path))
def unpack(bundle: str, folder: Path) -> None:
    """Write the members of a bundle into a new FOLDER.

    \b
    Example:
      resonet bundle unpack en-small en-small-files
    """
    from resonet.bundle import find
    from resonet.bundle import unpack as write_folder

    click.echo(write_folder(find(bundle).path, folder))


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("bundle", type=click.Path(path_type=Path))
def pack(folder: Path, bundle: Path) -> None:
    """Make the file BUNDLE from an unpacked FOLDER; hashes are computed anew.

    \b
    Example:
      resonet bundle pack en-small-files en-small.resonet
    """
    from resonet.bundle import pack as write_bundle

    click.echo(write_bundle(folder, bundle))


@command.command()
@click.argument("bundle")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--version", help="Version of the package.  [default: the date the bundle was made]")
def package(bundle: str, folder: Path, version: str | None) -> None:
    """Make FOLDER a package that brings the bundle: `pip install FOLDER`.

    \b
    Example:
      resonet bundle package en-small.resonet bundles/en-small
    """
    from resonet.bundle import find
    from resonet.bundle import package as write_package

    click.echo(write_package(find(bundle).path, folder, version))


def _row(found: Found, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": manifest.kind,
        "languages": list(manifest.languages),
        "bytes": found.path.stat().st_size,
        "licence": sorted({licence.spdx for licence in manifest.licence}),
        "metrics": [{"name": m.name, "value": m.value, "set": m.set} for m in manifest.metrics],
        "where": found.where,
        "path": str(found.path),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """Columns as wide as their widest entry; the last one is not padded."""
    lines = [("NAME", "KIND", "LANGUAGES", "SIZE", "LICENCE", "METRICS", "FROM")]
    for row in rows:
        # Two figures tell bundles apart; `show` has all.
        metrics = "; ".join(f"{m['name']} {m['value']:g} on {m['set']}" for m in row["metrics"][:2])
        languages, licences = ", ".join(row["languages"]), ", ".join(row["licence"])
        where = row["where"]
        lines.append((row["name"], row["kind"], languages, _size(row["bytes"]), licences, metrics, where))
    lines = [tuple(cell or "-" for cell in line) for line in lines]  # type: ignore[misc]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _description(found: Found, manifest: Manifest) -> list[tuple[str, str]]:
    """Label and value of each line of `show`; later lines of a list have no label."""
    lines = [
        ("name", manifest.name),
        ("kind", f"{manifest.kind} ({manifest.family})"),
        ("from", f"{found.where}: {found.path}" if found.where != "path" else str(found.path)),
        ("format", f"{manifest.format[0]}.{manifest.format[1]}"),
        ("created", manifest.created),
    ]
    if manifest.languages:
        lines.append(("languages", ", ".join(manifest.languages)))
    if manifest.sample_rate:
        lines.append(("sound", f"{manifest.sample_rate} Hz, an output every {manifest.output_shift * 1000:g} ms"))
    if manifest.units:
        lines.append(("units", f"{len(manifest.units.symbols)} {manifest.units.type}"))
    for label, names in (("labels", manifest.labels), ("speakers", manifest.speakers)):
        if names:
            lines.append((label, ", ".join(names)))
    if manifest.data:
        lines.append(("data", f"{manifest.data.name} (SHA-256 {manifest.data.sha256[:12]}...)"))
    if manifest.commit:
        lines.append(("commit", manifest.commit))
    lines += _listed("licence", [" ".join(filter(None, (x.set + ":", x.spdx, x.url))) for x in manifest.licence])
    lines += _listed("metrics", [f"{m.name} {m.value:g} on {m.set}" for m in manifest.metrics])
    settings = manifest.decoding.model_dump(exclude_none=True) if manifest.decoding else {}
    lines += _listed("decoding", [f"{name} {_figure(value)}" for name, value in settings.items()])
    lines += _listed("runtime", [f"{name} {_figure(value)}" for name, value in manifest.runtime.items()])
    return lines + _listed("members", [f"{name} ({_size(m.bytes)})" for name, m in manifest.members.items()])


def _listed(label: str, values: list[str]) -> list[tuple[str, str]]:
    return [(label if i == 0 else "", value) for i, value in enumerate(values)]


def _figure(value: Any) -> str:
    """A setting as a person reads it: numbers in short, lists and tables as JSON."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return " ".join(map(_figure, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _total(manifest: Manifest) -> int:
    return sum(member.bytes for member in manifest.members.values())


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
