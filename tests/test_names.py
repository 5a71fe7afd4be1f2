"""File names for any text."""

from __future__ import annotations

import pytest

from daf_nb.names import safe_name

HOSTILE = ["../x", "/etc/passwd", "a\\b", "<b>x</b>", "a\x00b", "", ".", "..", ".hidden", "-rf"]


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000, "é", "\ud800"])
def test_any_text_becomes_one_harmless_file_name(tmp_path, text):
    name = safe_name(text)
    (tmp_path / name).touch()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert not name.startswith((".", "-"))
    assert safe_name(name) == name


def test_harmless_names_stay_and_different_texts_stay_different():
    assert safe_name("adversary_0.v2") == "adversary_0.v2"
    texts = {"a/b", "a_b", "a b", "x" * 100, "x" * 101, *HOSTILE}
    assert len({safe_name(text) for text in texts}) == len(texts)
