"""`resonet bundle`: results on stdout, sentences on stderr, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resonet import cli

Make = Callable[..., Path]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["bundle", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_list(run: Callable, make: Make) -> None:
    code, out, err = run("list")
    assert (code, out) == (0, "") and "no bundle is installed" in err and "pip install" in err
    make("home/bundles/en.resonet")
    make("home/bundles/speaker.resonet", "voice", languages=["de", "en"], metrics=[])
    code, out, err = run("list")
    assert (code, err) == (0, "")
    head, first, second = out.splitlines()
    assert head.split() == ["NAME", "KIND", "LANGUAGES", "SIZE", "LICENCE", "METRICS", "FROM"]
    assert first.split("  ")[0] == "en" and "wer 36.5 on some/test" in first and first.endswith("user folder")
    assert "de, en" in second and len(head.split("KIND")[0]) == len(first.split("recognizer")[0])
    code, out, err = run("list", "--kind", "voice", "--json")
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert row["name"] == "speaker" and row["kind"] == "voice" and row["languages"] == ["de", "en"]
    assert set(row) == {"name", "kind", "languages", "bytes", "licence", "metrics", "where", "path"}
    assert run("list", "--kind", "singer")[0] == 2


def test_list_goes_on_past_a_damaged_bundle(run: Callable, make: Make) -> None:
    make("home/bundles/a.resonet").write_bytes(b"nonsense")
    make("home/bundles/b.resonet")
    code, out, err = run("list", "--json")
    assert code == 3 and json.loads(out)["name"] == "b" and "a.resonet is no bundle" in err
    code, out, err = run("list", "--kind", "voice")
    assert (code, out) == (3, "") and err.count("\n") == 1


def test_show(run: Callable, make: Make) -> None:
    recipe = {"preset": "1m", "name": "größe"}
    path = make(runtime={"resonet": "0.1", "delay": 4, "state": 3, "recipe": recipe})
    code, out, err = run("show", path)
    assert (code, err) == (0, "")
    for part in (
        "recognizer (resnet_ctc)",
        "3 characters",
        "every 40 ms",
        "CC-BY-4.0",
        "wer 36.5",
        "model.onnx (0.3 kB)",
        "lm_weight 0.5",
        'recipe {"preset": "1m", "name": "größe"}',
    ):
        assert part in out
    assert "Größe" not in out and "Größe: klein" in run("show", path, "--card")[1]
    fields = json.loads(run("show", path, "--json")[1])
    assert fields["manifest"]["units"]["list"] == ["<blank>", "|", "a"] and fields["path"] == str(path)
    assert "no card.md" in run("show", make("g.resonet", "g2p"), "--card")[1]


def test_verify(run: Callable, make: Make) -> None:
    good, bad = make(), make("bad.resonet")
    bad.write_bytes(bad.read_bytes().replace(b"a graph", b"b graph", 1))
    assert run("verify", good) == (0, f"{good}: whole, 3 members, 0.5 kB\n", "")
    code, out, err = run("verify", bad, good)
    assert code == 3 and out.startswith(str(good)) and "bad.resonet is damaged" in err and err.count("\n") == 1
    code, out, _ = run("verify", "--json", bad, good)
    assert code == 3 and [json.loads(line)["ok"] for line in out.splitlines()] == [False, True]
    assert run("verify")[0] == 2


@pytest.mark.parametrize("verb", ["show", "verify", "unpack", "package"])
def test_an_unknown_name_is_exit_3(run: Callable, verb: str, tmp_path: Path) -> None:
    code, out, err = run(verb, "no-such-bundle", *([tmp_path / "x"] if verb in ("unpack", "package") else []))
    assert (code, out) == (3, "") and "no bundle named 'no-such-bundle' is installed" in err
    assert "Traceback" not in err and not (tmp_path / "x").exists()


def test_unpack_pack_package(run: Callable, make: Make, tmp_path: Path) -> None:
    path = make()
    assert run("unpack", path, tmp_path / "folder") == (0, f"{tmp_path / 'folder'}\n", "")
    assert run("unpack", path, tmp_path / "folder")[0] == 2
    assert run("pack", tmp_path / "folder", tmp_path / "new.resonet")[0] == 0
    assert (tmp_path / "new.resonet").read_bytes() == path.read_bytes()
    assert run("pack", tmp_path, tmp_path / "bad.resonet")[0] == 3
    assert run("package", path, tmp_path / "dist", "--version", "2.0")[0] == 0
    assert 'version = "2.0"' in (tmp_path / "dist" / "pyproject.toml").read_text()
    assert run("pack", tmp_path / "folder", tmp_path / "no" / "x.resonet")[0] == 1
