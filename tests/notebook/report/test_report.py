"""Reports of one run: what is in them, and what can never be."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest

import daf_nb as daf
from daf_nb.notebook.report import report
from tests.notebook.helpers import Graded, graded, start, until
from tests.notebook.report.pages import HOSTILE, Page, make_record
from tests.worlds import Raising, TwoKinds

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def assert_inert(page: Page) -> None:
    """Nothing in it runs, loads, or leads anywhere."""
    assert page.unbalanced == []
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "a"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"href", "srcset", "action", "style", "xlink:href"}
            if name == "src":
                assert str(value).startswith(("data:image/png;base64,", "data:image/svg+xml;base6"))
            elif name != "content":
                assert "http:" not in str(value) and "https:" not in str(value)
    assert "url(" not in page.styles and "@import" not in page.styles
    policies = [a["content"] for t, a in page.elements if a.get("http-equiv")]
    assert len(policies) == 1 and str(policies[0]).startswith("default-src 'none'; img-src data:;")


def hostile_record(root: Path) -> Path:
    step = {"rollout/return_mean": 1.0, f"own/{HOSTILE}": 2.0, f"curriculum/share/{HOSTILE}": 0.5}
    return make_record(
        root,
        name=HOSTILE,
        status="FAILED",
        config={
            "total_timesteps": 100,
            HOSTILE: {HOSTILE: [HOSTILE]},
            "curriculum_config": {"tasks": [{"name": HOSTILE, "config": {HOSTILE: 1}}]},
        },
        metrics=[step, step],
        journal=[
            {"step": 10, "name": HOSTILE, "old": HOSTILE, "new": {HOSTILE: 1}, "by": HOSTILE,
             "because": {HOSTILE: HOSTILE}}
        ],
        events=[
            {"kind": "start", "step": 0, "time": 0, "data": {"world": HOSTILE, "groups": {}}},
            {"kind": "note", "step": 1, "time": HOSTILE, "data": {HOSTILE: HOSTILE}},
            {"kind": "decision", "step": 1, "time": 0, "data": {"rule": HOSTILE, "by": HOSTILE}},
            {"kind": "evaluation", "step": 1, "time": 0, "data": {"tasks": [HOSTILE]}},
        ],
        files={
            "source.py": HOSTILE.encode("utf-8", "replace"),
            "cout.txt": HOSTILE.encode("utf-8", "replace"),
            "facts.json": json.dumps({"versions": {HOSTILE: HOSTILE}, "git": {"error": HOSTILE}}),
            "history.json": json.dumps(
                {"cells": [{"number": HOSTILE, "source": HOSTILE, "needed": True, "ok": True}]}
            ),
            "observers.json": json.dumps({"observers": [{"name": HOSTILE, "error": HOSTILE}]}),
            "figures/001.svg": SVG,
        },
        fail_trace=[HOSTILE],
        host={"hostname": HOSTILE},
        ours={"tags": [HOSTILE], "parent": HOSTILE, "children": [HOSTILE], "outages": [
            {"time": HOSTILE, "error": HOSTILE}], "incomplete": [HOSTILE]},
    )  # fmt: skip


def test_a_report_tells_how_a_training_went(tmp_path: Path):
    run = start(
        tmp_path, Graded, curriculum=graded("near", "far"), name="told", tags=["first"],
        evaluation_interval=200,
    )  # fmt: skip
    run.controls.set("learning_rate", 1e-3, by="user").wait(20)
    until(lambda: run.step > 1000)
    run.pause()
    until(lambda: run.status == "PAUSED")
    run.resume()
    until(lambda: run.status == "RUNNING")
    run.stop()
    run.wait()
    path = report(run.id, runs_dir=tmp_path)
    page = Page(path)
    assert path == run.folder / "report.html"
    assert_inert(page)
    # A test runner's worker has no source of its own, and so no cell.
    assert [heading for heading in page.headings() if heading != "Cell"] == [
        "Summary", "Progress", "Curriculum", "Evaluations", "Journal", "Events", "Spec",
        "Environment",
    ]  # fmt: skip
    for said in (
        "INTERRUPTED", "told", "first", f"{run.step:,} of 10,000,000", "near", "far", "0.001",
        "learning_rate", "user", "paused", "went on", "random policy", "95 % interval", "torch",
        "algorithm_kwargs.n_steps", "1 change from outside", "stable-baselines3",
        "The world as it was found", Path(__file__).parent.parent.name,
    ):  # fmt: skip
        assert said in page.text or said in page.source, said
    marks = re.findall(r"<title>([^<]*)</title></line>", page.source)
    assert marks and marks[0].endswith("learning_rate: 0.0003 → 0.001")


def test_the_spec_begins_with_what_is_no_default(tmp_path: Path):
    config = {"world": "w", "policy": "MlpPolicy", "total_timesteps": 7, "num_envs": 8,
              "share": "none", "algorithm_kwargs": {"gamma": 0.9}}  # fmt: skip
    make_record(tmp_path, config=config)
    text = Page(report(1, runs_dir=tmp_path)).source
    chosen, rest = text.split("What is left at its default")
    for field in ("world", "total_timesteps", "share", "algorithm_kwargs.gamma"):
        assert f">{field}</th>" in chosen and f">{field}</th>" not in rest
    for field in ("policy", "num_envs"):
        assert f">{field}</th>" in rest and f">{field}</th>" not in chosen


def test_groups_have_curves_of_their_own(tmp_path: Path):
    run = start(tmp_path, TwoKinds, total_timesteps=300)
    run.wait()
    page = Page(report(run.id, runs_dir=tmp_path))
    labels = [str(a.get("aria-label")) for t, a in page.elements if t == "svg"]
    groups = list(run.policies)
    assert len(groups) == 2
    assert all(f"of {group} from" in labels[0] for group in groups)


def test_a_failed_run_shows_its_traceback(tmp_path: Path):
    run = start(tmp_path, lambda: Raising(at=3, limit=50))
    with pytest.raises(daf.TrainingEnvironmentError):
        run.wait()
    page = Page(report(run.id, runs_dir=tmp_path))
    assert "Failure" in page.headings()
    assert "the world broke at step 3" in page.text and "Traceback" in page.text


def test_hostile_texts_stay_texts(tmp_path: Path):
    hostile_record(tmp_path)
    page = Page(report(1, runs_dir=tmp_path))
    assert_inert(page)
    assert page.text.count("<script>alert(1)</script></details>") > 30
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page.source)
    assert r"\x1b[31m\x07\u202eevil" in page.text


def test_hostile_texts_do_not_break_out_of_markdown(tmp_path: Path):
    hostile_record(tmp_path)
    text = report(1, runs_dir=tmp_path, format="markdown").read_text(encoding="utf-8")
    fence, outside = "", []
    for line in text.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif opening := re.match(r"`{3,}", line):
            fence = opening.group()
        else:
            outside.append(line)
    assert fence == ""
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    for line in outside:
        assert "<" not in line
        assert not re.search(r"(?<!\\)`", line)
        assert not re.match(r"\s*# no", line)
    tables = [line for line in outside if line.startswith("|")]
    columns = [len(re.findall(r"(?<!\\)\|", line)) for line in tables]
    blocks = "\n".join(outside).split("\n\n")
    for block in blocks:
        if block.startswith("|"):
            counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.split("\n")}
            assert len(counts) == 1, block
    assert len(columns) > 40


def test_figures_are_pictures_that_cannot_run(tmp_path: Path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG + b"secret")
    files = {"figures/001.png": PNG, "figures/002.svg": SVG, "figures/003.png": b"no picture"}
    folder = make_record(tmp_path / "runs", files=files)
    (folder / "figures" / "004.png").symlink_to(secret)
    (folder / "figures" / "005.png").write_bytes(PNG + bytes(3_000_000))
    page = Page(report(1, runs_dir=tmp_path / "runs"))
    assert_inert(page)
    sources = [str(a["src"]) for t, a in page.elements if t == "img"]
    assert sources == [
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        f"data:image/svg+xml;base64,{base64.b64encode(SVG).decode()}",
    ]
    assert all(a.get("alt") for t, a in page.elements if t == "img")
    assert "003.png is no PNG picture" in page.text
    assert "004.png is a link" in page.text or "004" not in page.text
    assert "005.png is left out: 3,000,0" in page.text


def test_what_cannot_be_read_is_said_and_the_rest_stays(tmp_path: Path):
    folder = make_record(
        tmp_path,
        metrics=[{"rollout/return_mean": 1.0}] * 3,
        files={"config.json": "{", "facts.json": "[]", "cout.txt": "printed\n",
               "journal.jsonl": '{"step": 1}\n'},
    )  # fmt: skip
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 40, "val')
    page = Page(report(1, runs_dir=tmp_path))
    for name in ("config.json", "facts.json", "journal.jsonl", "metrics.jsonl"):
        assert re.search(rf"{name} (cannot be read|holds|is torn)", page.text), name
    assert "printed" in page.text
    assert "from 1 at 10 to 1 at 30" in page.source.replace(".00", "")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b'{"status": 3, "daf_nb": []}'])
def test_a_folder_that_is_no_whole_record_has_a_report(tmp_path: Path, content: bytes | None):
    (tmp_path / "1").mkdir()
    if content is not None:
        (tmp_path / "1" / "run.json").write_bytes(content)
    (tmp_path / "1" / "cout.txt").write_text("the last words\n")
    page = Page(report(1, runs_dir=tmp_path))
    assert_inert(page)
    assert "the last words" in page.text


def test_a_run_of_plain_sacred_has_a_report(tmp_path: Path):
    series = {"steps": [1, 2, 3], "values": [0.5, 0.25, 0.125], "timestamps": ["", "", ""]}
    (tmp_path / "1").mkdir()
    document = {
        "experiment": {"name": "foreign", "mainfile": "train.py"},
        "status": "COMPLETED",
        "start_time": "2026-11-23T05:00:00",
        "stop_time": "2026-11-23T05:00:10",
        "result": 42,
        "host": {"hostname": "elsewhere"},
    }
    for name, value in (
        ("run.json", document),
        ("config.json", {"rate": 0.1, "seed": 7}),
        ("metrics.json", {"error": series}),
    ):
        (tmp_path / "1" / name).write_text(json.dumps(value))
    page = Page(report(1, runs_dir=tmp_path))
    assert_inert(page)
    for said in ("foreign", "42", "elsewhere", "10.0 s", "rate", "error"):
        assert said in page.text
    assert "from 0.5 at 1 to 0.125 at 3 agent-steps" in page.source


def test_a_live_run_and_one_that_was_killed_have_reports(tmp_path: Path):
    run = start(tmp_path)
    until(lambda: run.step > 200)
    assert "still running" in Page(report(run.id, runs_dir=tmp_path)).text
    run.stop()
    run.wait()
    ours = {"lock": "heartbeat"}
    make_record(tmp_path, 50, status="RUNNING", heartbeat="2020-01-01T00:00:00", ours=ours)
    assert "LOST" in Page(report(50, runs_dir=tmp_path)).text
    make_record(tmp_path, 51, status="QUEUED", start_time=None, heartbeat="2999-01-01T00:00:00")
    assert "It has not started" in Page(report(51, runs_dir=tmp_path)).text


def test_many_rows_are_cut_and_how_many_is_said(tmp_path: Path):
    rows = [
        {"step": n, "name": "knob", "old": n, "new": n + 1, "by": "user", "number": n}
        for n in range(10_000)
    ]
    metrics = [{f"m{k}": float(n) for k in range(30)} for n in range(33_400)]
    make_record(tmp_path, config={"total_timesteps": 334_000}, metrics=metrics, journal=rows)
    path = report(1, runs_dir=tmp_path)
    page = Page(path)
    assert path.stat().st_size < 3_000_000
    assert "10,000 changes from outside; 9,800 in the middle are left out" in page.text
    table = page.source.split("changes from outside;")[1].split("</table>")[0]
    assert table.count("<tr>") == 201
    assert len(re.findall(r'points="([^"]*)"', page.source)[0].split()) <= 300


def test_the_output_is_cut_at_its_beginning(tmp_path: Path):
    output = "".join(f"line {n}\n" for n in range(100_000))
    make_record(tmp_path, files={"cout.txt": output})
    text = Page(report(1, runs_dir=tmp_path)).text
    assert "line 99999" in text and "line 90000\n" not in text
    assert f"{len(output):,} bytes in all" in text


def test_a_report_is_written_where_it_is_asked_for(tmp_path: Path):
    make_record(tmp_path / "runs")
    assert report(1, runs_dir=tmp_path / "runs", path=tmp_path / "a" / "b.html").is_file()
    assert report("1", runs_dir=tmp_path / "runs", path=tmp_path) == tmp_path / "run-1.html"
    assert report([1], runs_dir=tmp_path / "runs", format="markdown").name == "report.md"
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_report_replaces_a_link_and_does_not_follow_it(tmp_path: Path):
    folder = make_record(tmp_path / "runs")
    (tmp_path / "precious").write_text("precious")
    (folder / "report.html").symlink_to(tmp_path / "precious")
    report(1, runs_dir=tmp_path / "runs")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (folder / "report.html").is_symlink()


def test_what_cannot_be_is_refused(tmp_path: Path):
    make_record(tmp_path)
    with pytest.raises(daf.ConfigError, match=r"'htm'\. Did you mean 'html'\?"):
        report(1, runs_dir=tmp_path, format="htm")
    with pytest.raises(daf.ConfigError, match="none came"):
        report([], runs_dir=tmp_path)
    with pytest.raises(daf.RecordError, match="No run '7'"):
        report(7, runs_dir=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(daf.RecordError, match=r"cannot be written to .*path="):
        report(1, runs_dir=tmp_path, path=tmp_path / "file" / "inside.html")
    assert os.listdir(tmp_path / "1").count("report.html") == 0  # noqa: PTH208 - names are asked


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_nothing_behind_a_link_is_in_a_report(tmp_path: Path, format: str):
    secret = tmp_path / "secret"
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "001.png").write_bytes(PNG)
    folder = make_record(tmp_path / "runs", files={"cout.txt": "own", "source.py": "own"})
    names = ("source.py", "cout.txt", "config.json", "facts.json", "events.jsonl", "metrics.jsonl",
             "journal.jsonl", "history.json", "observers.json")  # fmt: skip
    secret.write_text('{"hidden": "TOPSECRET", "versions": {"TOPSECRET": "1"}}\n')
    for name in names:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(secret)
    (folder / "figures").symlink_to(tmp_path / "pictures")
    text = report(1, runs_dir=tmp_path / "runs", format=format).read_text()
    assert "TOPSECRET" not in text and "data:image" not in text
    plain = text.replace("\\", "")
    for name in (*names, "figures"):
        assert f"{name} is a link; it is not followed" in plain, name


def test_numbers_beyond_all_bounds_and_deep_values_are_told_of(tmp_path: Path):
    deep = "[" * 1000 + "]" * 1000
    facts = {"hardware": {"memory_bytes": 10**4000}}
    make_record(
        tmp_path,
        files={
            "facts.json": json.dumps(facts),
            "config.json": f'{{"total_timesteps": 10, "world": {deep}}}',
        },
        stop_time="2026-11-22T05:00:00",
    )
    text = Page(report(1, runs_dir=tmp_path)).text
    assert "a number of more than 30 digits bytes" in text
    assert "a list, nested too deeply to be shown" in text or "[[[[" in text
    assert "lasted" not in text, "it ended before it began"
