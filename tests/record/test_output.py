"""What is printed arrives in the file whole and in order, without secrets however they came."""

from __future__ import annotations

import json
import random

import pytest

from daf_nb.record.output import LONGEST_WAIT, OutputLog
from daf_nb.record.redact import Hider, hider

SECRET = "sk9fQ77zzAbCdEf123"


def log_of(folder, *secrets):
    names = {f"TOKEN_{n}": secret for n, secret in enumerate(secrets or (SECRET,))}
    return OutputLog(folder / "cout.txt", hide=hider(names))


def feed(log, *pieces):
    """Each text is written and then waited for in vain twice, as a pause of two beats would."""
    for piece in pieces:
        log.write(piece)
        log.flush()
        log.flush()
        log.flush()


@pytest.mark.parametrize(
    "pieces",
    [
        (SECRET[:6], SECRET[6:] + "\n"),
        ("A" * (LONGEST_WAIT - 6) + SECRET[:9], SECRET[9:] + "\n"),
        ("A" * (2 * LONGEST_WAIT) + SECRET[:9], SECRET[9:]),
        ("\r 3 %" + SECRET[:4], SECRET[4:9], SECRET[9:] + "\r 4 %"),
        tuple(SECRET),
        ("so " + SECRET + SECRET[:1], SECRET[1:-1], SECRET[-1:] + " and " + SECRET[:3]),
    ],
)
def test_a_secret_in_pieces_is_not_written(tmp_path, pieces):
    log = log_of(tmp_path)
    feed(log, *pieces)
    log.flush(last=True)
    text = log.text()
    assert text == "".join(pieces).replace(SECRET, "<redacted>")
    assert log.size == len(text) and not log.waiting


def test_an_escaped_secret_in_pieces_is_not_written(tmp_path):
    secret = 'pä"ss\\wörd-1'
    shown = json.dumps(secret)
    log = log_of(tmp_path, secret)
    feed(log, *shown, "\n")
    assert log.text() == '"<redacted>"\n'


def test_what_begins_no_secret_does_not_wait_longer(tmp_path):
    log = log_of(tmp_path)
    feed(log, "name: ")
    assert log.text() == "name: "
    feed(log, "so s")
    assert log.text() == "name: so " and log.waiting
    feed(log, "ilent")
    assert log.text() == "name: so silent" and not log.waiting
    feed(log, "\rsk9")
    log.flush(last=True)
    assert log.text().encode() == b"name: so silent\rsk9"


def test_no_secret_is_cut_to_wait_for_another(tmp_path):
    log = log_of(tmp_path, "Xy-Zq7-abAB", "abAB-Qq77-Zz")
    feed(log, "1 Xy-Zq7-abAB", " 2 abAB-Qq", "77-Zz\n")
    assert log.text() == "1 <redacted> 2 <redacted>\n"


def test_any_cutting_gives_what_the_whole_gives(tmp_path):
    draw = random.Random(3)
    hide = Hider([b"abcab", b"bcabd", b"ca\ncb", b"dd"])
    for case in range(300):
        text = "".join(draw.choices("abcd\n\r", weights=[4, 4, 4, 2, 1, 1], k=40))
        log = OutputLog(tmp_path / str(case), hide=hide)
        places = sorted(draw.sample(range(41), 6))
        feed(log, *(text[a:b] for a, b in zip([0, *places], [*places, 40], strict=True)))
        log.flush(last=True)
        assert not any(word in log.text().encode() for word in (b"abcab", b"bcabd", b"dd"))
        assert log.text().encode() == hide(text.encode()), repr(text)
