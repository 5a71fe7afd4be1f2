"""`Controls`: bounded, in order, acknowledged, journaled, taken back."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from daf_nb.control import Controls, Entry, Knob, Request
from daf_nb.errors import ConfigError, DafWarning


class Bench:
    """Knobs over a dict, and a door that opens when told to."""

    def __init__(self, *, script=(), held: bool = True) -> None:
        self.values: dict[str, Any] = {
            "rate": 0.1,
            "epochs": 4,
            "limit": None,
            "hold": False,
            "mode": "a",
            "batch": 64,
        }
        self.step = 0
        self.held = held
        self.asked: list[Any] = []
        self.entries: list[Entry] = []
        self.told: list[tuple[str, str]] = []
        self.refusal = ""
        self.controls = Controls(script=script)
        self.controls.attach(
            [
                self.knob("rate", "float", low=0.001, high=1.0),
                self.knob("epochs", "int", low=1, high=10),
                self.knob("limit", "float", low=0.0, high=1.0, optional=True),
                self.knob("hold", "bool"),
                self.knob("mode", "choice", choices=lambda: ["a", "b"]),
                self.knob("batch", "int", low=2, high=128, out_of_range="clip", fit=self.even),
            ],
            door=self.door,
            step=lambda: self.step,
            record=self.entries.append,
        )
        self.controls.subscribe(lambda request: self.told.append((request.name, request.state)))

    def knob(self, name: str, kind: Any, **more: Any) -> Knob:
        return Knob(
            name=name,
            kind=kind,
            read=lambda: self.values[name],
            write=lambda value, by: self.write(name, value),
            refusal=lambda: self.refusal if name == "rate" else "",
            **more,
        )

    def write(self, name: str, value: Any) -> None:
        if value == 0.666:
            raise ValueError("the number of the beast")
        self.values[name] = value

    @staticmethod
    def even(value: float) -> float:
        return 2 * round(value / 2)

    def door(self, work) -> None:
        self.asked.append(work)
        if not self.held:
            self.open()

    def open(self, step: int | None = None) -> None:
        """A boundary."""
        self.step = self.step if step is None else step
        self.controls.boundary()
        work, self.asked = self.asked, []
        for each in work:
            each()


def rows(bench: Bench) -> list[tuple[int, str, Any, Any, str]]:
    return [(e.step, e.name, e.old, e.new, e.by) for e in bench.controls.journal]


def test_a_change_waits_for_the_boundary_and_says_when_it_came():
    bench = Bench()
    request = bench.controls.set("rate", 0.2, by="user")
    assert (request.state, bench.values["rate"]) == ("pending", 0.1)
    assert dict(bench.controls.pending) == {"rate": request}
    bench.open(4096)
    assert (request.state, request.step, request.old, request.new) == ("applied", 4096, 0.1, 0.2)
    assert str(request) == "rate: applied at step 4,096: 0.1 to 0.2"
    assert bench.values["rate"] == bench.controls["rate"] == 0.2
    assert rows(bench) == [(4096, "rate", 0.1, 0.2, "user")]
    assert bench.controls.pending == {}


def test_where_nothing_trains_it_comes_at_once():
    bench = Bench(held=False)
    assert bench.controls.set("epochs", 5, by="user").state == "applied"


def test_changes_come_in_the_order_in_which_they_were_asked_last():
    bench = Bench()
    bench.controls.set("rate", 0.2, by="user")
    bench.controls.set("epochs", 5, by="rule: kl")
    bench.controls.set("rate", 0.3, by="panel")
    bench.open(10)
    assert rows(bench) == [(10, "epochs", 4, 5, "rule: kl"), (10, "rate", 0.1, 0.3, "panel")]


def test_of_ten_thousand_messages_the_last_wins_and_the_journal_has_one_row():
    bench = Bench()
    first = bench.controls.set("rate", 0.5, by="panel")
    for message in range(10_000):
        bench.controls.set("rate", 0.001 + message * 1e-5, by="panel")
    assert first.state == "superseded"
    assert len(bench.asked) == len(bench.controls.pending) == 1
    bench.open(1)
    assert rows(bench) == [(1, "rate", 0.1, pytest.approx(0.10099), "panel")]


def test_many_threads_at_once_lose_nothing():
    bench = Bench()

    def press() -> None:
        for _ in range(500):
            bench.controls.nudge("rate", 1e-4, by="panel")

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for boundary in range(50):
        bench.open(boundary)
    for thread in threads:
        thread.join()
    bench.open(50)
    assert bench.values["rate"] == pytest.approx(0.1 + 2000 * 1e-4)
    assert bench.controls.pending == {}


def test_a_listener_hears_of_every_state():
    bench = Bench()
    bench.controls.set("rate", 0.2, by="user")
    bench.controls.set("rate", 0.3, by="user")
    bench.open()
    assert bench.told == [
        ("rate", "pending"),
        ("rate", "superseded"),
        ("rate", "pending"),
        ("rate", "applied"),
    ]


def test_a_listener_that_fails_harms_nobody(caplog):
    bench = Bench()

    def broken(request: Request) -> None:
        raise RuntimeError("no")

    off = bench.controls.subscribe(broken)
    request = bench.controls.set("rate", 0.2, by="user")
    bench.open()
    assert request.state == "applied" and "a listener to the controls failed" in caplog.text
    off()
    caplog.clear()
    bench.controls.set("rate", 0.3, by="user")
    assert caplog.text == ""


def test_nudges_add_up_and_stop_at_the_bounds():
    bench = Bench()
    bench.controls.nudge("rate", 0.3, by="user")
    bench.controls.nudge("rate", by="rule: kl", factor=2.0)
    bench.open(1)
    assert bench.values["rate"] == pytest.approx(0.8)
    assert rows(bench)[0][4] == "user, rule: kl"
    bench.controls.nudge("rate", 5.0, by="user")
    bench.open(2)
    assert bench.values["rate"] == 1.0
    at_limit = bench.controls.nudge("rate", 5.0, by="user")
    bench.open(3)
    assert (at_limit.state, len(rows(bench))) == ("unchanged", 2)


def test_opposite_nudges_leave_all_as_it_was():
    bench = Bench()
    bench.controls.nudge("epochs", 2, by="user")
    request = bench.controls.nudge("epochs", -2, by="user")
    bench.open()
    assert (request.state, bench.values["epochs"], rows(bench)) == ("unchanged", 4, [])


def test_a_nudge_moves_what_the_run_moved_meanwhile():
    bench = Bench()
    bench.controls.nudge("rate", 0.1, by="user")
    bench.values["rate"] = 0.5
    bench.open()
    assert bench.values["rate"] == pytest.approx(0.6)


def test_a_nudge_after_a_value_that_waits_starts_from_that():
    bench = Bench()
    bench.controls.set("epochs", 8, by="user")
    bench.controls.nudge("epochs", 1, by="user")
    bench.open()
    assert bench.values["epochs"] == 9


@pytest.mark.parametrize("name", ["hold", "mode"])
def test_only_numbers_are_nudged(name):
    with pytest.raises(ConfigError, match="is no number"):
        Bench().controls.nudge(name, 1, by="user")


def test_what_is_off_is_not_nudged():
    bench = Bench()
    with pytest.raises(ConfigError, match="knob 'limit' is off; set it to a number first"):
        bench.controls.nudge("limit", 0.1, by="user")
    bench.controls.set("limit", 0.5, by="user")
    bench.controls.nudge("limit", 0.1, by="user")
    bench.open()
    assert bench.values["limit"] == 0.6
    bench.controls.set("limit", None, by="user")
    with pytest.raises(ConfigError, match="set it to a number first"):
        bench.controls.nudge("limit", 0.1, by="user")


def test_undo_goes_back_step_by_step():
    bench = Bench(held=False)
    for value in (0.2, 0.3):
        bench.controls.set("rate", value, by="user")
    bench.controls.set("hold", True, by="user")
    undone = [bench.controls.undo(by="user") for _ in range(3)]
    assert [(r.name, r.new) for r in undone] == [("hold", False), ("rate", 0.2), ("rate", 0.1)]
    with pytest.raises(ConfigError, match="nothing is left to take back"):
        bench.controls.undo(by="user")
    assert [entry.undoes for entry in bench.controls.journal] == [None, None, None, 3, 2, 1]


def test_undo_withdraws_what_is_still_pending():
    bench = Bench()
    request = bench.controls.set("rate", 0.2, by="user")
    assert bench.controls.undo(by="user") is request
    bench.open()
    assert (request.state, bench.values["rate"], rows(bench)) == ("withdrawn", 0.1, [])


def test_two_undos_before_a_boundary_take_back_two_changes():
    bench = Bench()
    bench.controls.set("rate", 0.2, by="user")
    bench.open(1)
    bench.controls.set("epochs", 5, by="user")
    bench.open(2)
    bench.controls.undo(by="user")
    bench.controls.undo(by="user")
    bench.open(3)
    assert (bench.values["rate"], bench.values["epochs"]) == (0.1, 4)


def test_undo_of_one_knob_leaves_the_others():
    bench = Bench(held=False)
    bench.controls.set("rate", 0.2, by="user")
    bench.controls.set("epochs", 5, by="user")
    bench.controls.undo(by="user", name="rate")
    assert (bench.values["rate"], bench.values["epochs"]) == (0.1, 5)
    with pytest.raises(ConfigError, match="nothing is left"):
        bench.controls.undo(by="user", name="rate")


def test_undo_of_what_has_its_old_value_anyway_goes_on_to_the_one_before():
    bench = Bench(held=False)
    bench.controls.set("epochs", 5, by="user")
    bench.controls.set("rate", 0.2, by="user")
    bench.values["rate"] = 0.1
    assert bench.controls.undo(by="user").state == "unchanged"
    bench.controls.undo(by="user")
    assert bench.values["epochs"] == 4


def test_unknown_knobs_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown knob 'rat'. Did you mean 'rate'\?"):
        Bench().controls.set("rat", 1, by="user")
    with pytest.raises(ConfigError, match="unknown knob"):
        Bench().controls.set(["rate"], 1, by="user")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("rate", 2.0, "rate=2.0: from 0.001 to 1 is allowed"),
        ("rate", 0, "rate=0: from 0.001 to 1 is allowed"),
        ("rate", float("nan"), "a finite number from 0.001 to 1 is needed"),
        ("rate", float("inf"), "a finite number"),
        ("rate", True, "a finite number"),
        ("rate", "0.2", "a finite number"),
        ("rate", None, "a finite number"),
        ("rate", 10**400, "a finite number"),
        ("epochs", 2.5, "epochs=2.5: a whole number from 1 to 10 is needed"),
        ("limit", 2, "from 0 to 1, or None .off. is allowed"),
        ("hold", 1, "hold=1: True or False is needed"),
        ("mode", "c", "unknown value of knob 'mode' 'c'"),
        ("mode", None, "unknown value of knob 'mode' None"),
        ("mode", [], "unknown value of knob 'mode'"),
    ],
)
def test_values_that_cannot_be_are_refused_at_once(name, value, said):
    bench = Bench()
    with pytest.raises(ConfigError, match=said):
        bench.controls.set(name, value, by="user")
    assert bench.controls.pending == {} and bench.told == []


@pytest.mark.parametrize(("asked", "got"), [(1000, 128), (-3, 2), (33, 32), (31.5, 32)])
def test_a_knob_that_clips_says_what_became_of_the_value(asked, got):
    bench = Bench()
    request = bench.controls.set("batch", asked, by="user")
    assert request.message == f"{asked} became {got}"
    bench.open()
    assert bench.values["batch"] == got


def test_what_fails_at_the_boundary_is_refused_and_harms_nothing():
    bench = Bench()
    request = bench.controls.set("rate", 0.666, by="user")
    other = bench.controls.set("epochs", 5, by="user")
    bench.open()
    assert (request.state, request.message) == ("refused", "the number of the beast")
    assert other.state == "applied" and [row[1] for row in rows(bench)] == ["epochs"]
    with pytest.raises(ConfigError, match="the number of the beast"):
        request.wait()


def test_a_knob_may_refuse_for_now():
    bench = Bench()
    request = bench.controls.set("rate", 0.2, by="user")
    bench.refusal = "it sleeps."
    bench.open()
    assert request.state == "refused"
    with pytest.raises(ConfigError, match="knob 'rate' cannot be set now: it sleeps"):
        bench.controls.set("rate", 0.2, by="user")


def test_closed_controls_refuse_everything_pending_and_new():
    bench = Bench()
    request = bench.controls.set("rate", 0.2, by="user")
    bench.controls.close("run 3 has ended.")
    assert (request.state, request.message) == ("refused", "rate: run 3 has ended.")
    for ask in (
        lambda: bench.controls.set("rate", 0.2, by="user"),
        lambda: bench.controls.nudge("rate", 0.2, by="user"),
        lambda: bench.controls.undo(by="user"),
    ):
        with pytest.raises(ConfigError, match=r"run 3 has ended"):
            ask()


def test_controls_belong_to_one_run():
    bench = Bench()
    with pytest.raises(ConfigError, match="belong to another trainer"):
        bench.controls.attach([], door=bench.door, step=lambda: 0, record=bench.entries.append)


def test_a_script_changes_the_same_at_the_same_steps():
    live = Bench()
    live.controls.set("rate", 0.2, by="panel")
    live.open(100)
    live.controls.nudge("rate", 0.1, by="rule: kl", because={"signal": "kl", "value": 0.5})
    live.controls.set("hold", True, by="user")
    live.open(250)
    live.controls.undo(by="user")
    live.open(300)
    script = [entry.to_plain() for entry in live.controls.journal]
    again = Bench(script=script)
    for step in (50, 100, 200, 250, 300):
        again.open(step)
    assert rows(again) == rows(live)
    assert again.values == live.values
    assert [e.because for e in again.controls.journal] == [e.because for e in live.controls.journal]
    assert len(again.controls.script) == 0 and again.controls.script.failed == []


def test_a_script_goes_before_what_is_asked_at_its_boundary():
    bench = Bench(script=[{"step": 5, "name": "epochs", "new": 6}])
    bench.controls.set("epochs", 7, by="user")
    bench.open(5)
    assert [(new, by) for *_, new, by in rows(bench)] == [(6, "script"), (7, "user")]


def test_what_a_script_cannot_do_is_told_and_kept():
    bench = Bench(
        script=[{"step": 0, "name": "rat", "new": 1}, {"step": 0, "name": "epochs", "new": 2}]
    )
    with pytest.warns(DafWarning, match="script, step 0: unknown knob 'rat'"):
        bench.open(0)
    assert bench.values["epochs"] == 2
    assert [row["name"] for row, _ in bench.controls.script.failed] == ["rat"]


@pytest.mark.parametrize(
    ("rows_", "said"),
    [
        ([{"step": 1, "new": 2}], "lacks name"),
        ([{"step": 5, "name": "a", "new": 2}, {"step": 1, "name": "a", "new": 2}], "after step 5"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(rows_, said):
    with pytest.raises(ConfigError, match=said):
        Controls(script=rows_)


def test_what_changed_elsewhere_is_journaled_once_and_can_be_taken_back():
    bench = Bench()
    bench.values["epochs"] = 6
    bench.controls.note("epochs", 4, 6, by="stagnation", own=True)
    assert bench.entries[0].to_plain() == {
        "step": 0,
        "name": "epochs",
        "old": 4,
        "new": 6,
        "by": "stagnation",
        "number": 1,
        "own": True,
    }
    bench.controls.undo(by="user")
    bench.open()
    assert bench.values["epochs"] == 4


def test_a_script_leaves_out_what_the_run_does_by_itself():
    bench = Bench(script=[{"step": 0, "name": "epochs", "new": 6, "own": True}])
    bench.open(10)
    assert bench.values["epochs"] == 4


def test_a_schedule_is_held_though_its_value_is_the_same_and_undo_brings_it_back():
    bench, state = Bench(held=False), {"schedule": True}

    def keep() -> Any:
        before = dict(state)
        return lambda: state.update(before)

    knob = Knob(
        name="scheduled",
        kind="float",
        read=lambda: 0.5 - 0.001 * bench.step if state["schedule"] else 0.5,
        write=lambda value, by: state.update(schedule=False),
        steady=lambda: not state["schedule"],
        keep=keep,
        low=0,
        high=1,
    )
    script: list[dict[str, Any]] = []
    for _ in range(2):
        controls = Controls(script=script)
        bench.step, state["schedule"] = 0, True
        controls.attach(
            [knob], door=lambda work: work(), step=lambda: bench.step, record=lambda entry: None
        )
        if not script:
            assert controls.set("scheduled", 0.5, by="user").state == "applied"
            bench.step = 100
            controls.undo(by="user")
            script += [entry.to_plain() for entry in controls.journal]
            continue
        controls.boundary()
        assert not state["schedule"]
        bench.step = 100
        controls.boundary()
        assert [entry.to_plain() for entry in controls.journal] == script
    assert state["schedule"] and knob.read() == pytest.approx(0.4)


def test_undo_puts_back_what_was_out_of_bounds():
    bench = Bench(held=False)
    bench.values["rate"] = 7.0
    bench.controls.set("rate", 0.5, by="user")
    assert bench.controls.undo(by="user").new == 7.0


def test_undo_passes_over_a_knob_that_cannot_be_set_now():
    bench = Bench(held=False)
    bench.controls.set("epochs", 5, by="user")
    bench.controls.set("rate", 0.5, by="user")
    bench.refusal = "it sleeps."
    assert bench.controls.undo(by="user").name == "epochs"
    with pytest.raises(ConfigError, match="nothing is left"):
        bench.controls.undo(by="user")


def test_two_undos_of_one_knob_before_a_boundary_take_back_both_for_good():
    bench = Bench()
    for step, value in ((1, 0.2), (2, 0.3)):
        bench.controls.set("rate", value, by="user")
        bench.open(step)
    bench.controls.undo(by="user")
    bench.controls.undo(by="user")
    bench.open(3)
    assert bench.values["rate"] == 0.1
    with pytest.raises(ConfigError, match="nothing is left"):
        bench.controls.undo(by="user")


def test_who_fails_to_record_keeps_no_request_from_its_end(caplog):
    bench = Bench()

    def broken(entry: Entry) -> None:
        raise OSError("the disk is full")

    bench.controls._desk.record = broken
    requests = [bench.controls.set(name, 0.5, by="user") for name in ("rate", "limit")]
    bench.open()
    assert [request.state for request in requests] == ["applied", "applied"]
    assert "the disk is full" in caplog.text


def test_who_records_may_ask_another_thread_that_looks_at_the_controls():
    bench, seen = Bench(), []

    def record(entry: Entry) -> None:
        thread = threading.Thread(target=lambda: seen.append(dict(bench.controls.pending)))
        thread.start()
        thread.join(5)

    bench.controls._desk.record = record
    bench.controls.set("rate", 0.5, by="user")
    bench.open()
    assert seen == [{}]


def test_what_a_knob_led_to_is_journaled_after_it():
    bench = Bench(held=False)

    def write(value: Any, by: str) -> None:
        bench.values["rate"] = value
        bench.controls.note("rate", 0.1, value, by=by)
        bench.controls.note("epochs", 4, 8, by="a listener")

    controls = bench.controls = Controls()
    controls.attach(
        [Knob(name="rate", kind="float", read=lambda: bench.values["rate"], write=write)],
        door=lambda work: work(),
        step=lambda: 3,
        record=bench.entries.append,
    )
    controls.set("rate", 0.7, by="user")
    told = [(entry.number, entry.name, entry.new) for entry in bench.entries]
    assert told == [(1, "rate", 0.7), (2, "epochs", 8)]


def test_an_interrupt_while_a_listener_is_told_loses_nothing():
    bench = Bench()

    def interrupted(request: Request) -> None:
        raise KeyboardInterrupt

    off = bench.controls.subscribe(interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.controls.set("rate", 0.5, by="user")
    off()
    bench.open()
    assert bench.values["rate"] == 0.5


def test_who_is_inside_of_a_rollout_cannot_wait():
    bench = Bench()
    bench.controls._desk.inside = lambda: True
    request = bench.controls.set("rate", 0.5, by="user")
    with pytest.raises(ConfigError, match="cannot wait for the boundary"):
        request.wait()
    bench.open()
    assert request.wait().state == "applied"


def test_a_script_is_applied_exactly_or_refused():
    row = {"step": 0, "name": "rate", "new": 5.0}
    bench = Bench(script=[row])
    with pytest.warns(DafWarning, match="from 0.001 to 1 is allowed"):
        bench.open()
    assert bench.values["rate"] == 0.1


def test_a_script_may_be_the_entries_of_a_run():
    live = Bench(held=False)
    live.controls.set("rate", 0.2, by="user")
    again = Bench(script=live.controls.journal)
    again.open()
    assert rows(again) == rows(live)


@pytest.mark.parametrize("step", [None, "abc", float("nan"), -1, 1.5])
def test_a_script_without_steps_is_refused(step):
    with pytest.raises(ConfigError, match="agent-steps are needed"):
        Controls(script=[{"step": step, "name": "rate", "new": 0.5}])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda c: c.nudge("rate", "x", by="user"), "amount='x'; a finite number"),
        (lambda c: c.nudge("rate", by="user", factor=float("inf")), "factor=inf; a finite number"),
        (lambda c: c.set("rate", 0.5, by=None), "by=None: who asks is needed"),
        (lambda c: c.set("rate", 0.5, by="me", because="so"), "because='so': a mapping"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(ask, said):
    with pytest.raises(ConfigError, match=said):
        ask(Bench().controls)


def test_values_of_numpy_are_taken():
    import numpy as np

    bench = Bench(held=False)
    bench.controls.set("hold", np.True_, by="user")
    bench.controls.set("epochs", np.int64(7), by="user")
    assert bench.values["hold"] is True and bench.values["epochs"] == 7
    with pytest.raises(ConfigError, match="unknown value of knob 'mode'"):
        bench.controls.set("mode", np.array(["a", "b"]), by="user")


def test_controls_that_were_detached_serve_another_trainer_and_reopened_ones_take_requests():
    bench = Bench(held=False)
    knobs = list(bench.controls.knobs.values())
    bench.controls.close("the run has ended.")
    bench.controls.reopen()
    assert bench.controls.set("rate", 0.5, by="user").state == "applied"
    bench.controls.detach()
    bench.controls.attach(knobs, door=bench.door, step=lambda: 0, record=bench.entries.append)
    assert bench.controls.set("rate", 0.6, by="user").state == "applied"
