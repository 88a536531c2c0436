"""The reader of walks itself: which blocks it takes, and what counts as the same output."""

from __future__ import annotations

from walk import difference, steps

PAGE = """# A page

```bash
not run
```

<!-- walk -->
```bash
echo one
echo two
```
<!-- output words=0.5 -->
```text
one
two
```

<!-- walk numbers=0.1 -->
```console
$ echo 3
3
$ true
```
"""


def test_only_marked_blocks_are_steps(tmp_path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    first, second, third = steps(tmp_path / "page.md")
    assert (first.code, first.expected, first.tolerance) == ("echo one\necho two\n", "one\ntwo\n", {"words": 0.5})
    assert (second.language, second.code, second.expected) == ("bash", "echo 3\n", "3\n")
    assert second.tolerance == {"numbers": 0.1}
    assert (third.code, third.expected) == ("true\n", None)


def test_output_is_compared_by_words_and_numbers() -> None:
    assert difference("a b c\n", " a  b\nc") == ""
    assert difference("a b c\n", "a b d")
    assert difference("a b c\n", "a b c d")
    assert difference("a b c d\n", "a b x d", words=0.25) == ""
    assert difference("wer 20.0\n", "wer 21.0")
    assert difference("wer 20.0% (90x)\n", "wer 21.0% (99x)", numbers=0.2) == ""
    assert difference("wer 20.0\n", "wer 29.0", numbers=0.2)
    assert difference("step 3\n", "stop 3", numbers=0.2)


def test_an_ellipsis_stands_for_any_lines() -> None:
    assert difference("head\n...\ntail 1\n", "head\nmany\nlines\ntail 1\n") == ""
    assert difference("head\n...\ntail 1\n", "head\nmany\nlines\n")
