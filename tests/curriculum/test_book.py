"""Tasks by name: added once, closed when the curriculum begins, looked up."""

from __future__ import annotations

import pytest

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import Task
from daf_nb.curriculum.book import TaskBook
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import HOSTILE, tasks


def book(count: int = 3, **config) -> TaskBook:
    made = TaskBook(CurriculumConfig(**config))
    for task in tasks(count):
        made.add(task)
    return made


def test_tasks_keep_their_order_behind_those_of_the_config():
    mine = book(2, tasks=[{"name": "z", "difficulty": 1}, {"name": "y", "difficulty": (0, 1)}])
    assert [task.name for task in mine] == ["z", "y", "task 0", "task 1"]
    assert [mine.place(task.name) for task in mine] == [0, 1, 2, 3]
    assert len(mine) == 4 and mine["y"] == Task("y", (0, 1))


@pytest.mark.parametrize("name", ["task 9", "", None, 0, ["task 0"]], ids=repr)
def test_an_unknown_name_is_refused_with_those_known(name):
    for look in (book().__getitem__, book().place):
        with pytest.raises(ConfigError, match=r"unknown task .*Known: task 0, task 1, task 2"):
            look(name)


def test_a_name_that_is_taken_is_refused_and_the_first_stays():
    mine = book()
    with pytest.raises(ConfigError, match="task 'task 1' exists already; give it another name"):
        mine.add(Task("task 1", 0.123))
    assert mine["task 1"] == tasks(3)[1] and len(mine) == 3


def test_what_is_no_task_is_refused():
    with pytest.raises(ConfigError, match="3 is no Task"):
        book().add(3)  # type: ignore[arg-type] - what is refused


def test_no_task_comes_after_the_beginning():
    mine = book()
    assert mine.checked() == tasks(3)
    mine.closed = True
    with pytest.raises(ConfigError, match="task 'late' comes too late: the curriculum has begun"):
        mine.add(Task("late", 0.5))


def test_an_empty_book_is_refused_and_stays_open():
    mine = book(0, name="mine")
    with pytest.raises(ConfigError, match="curriculum 'mine' has no task; add one with add_task"):
        mine.checked()
    assert mine.add(Task("a", 0.5)) == Task("a", 0.5)


def test_targets_are_those_named_else_all_of_the_hardest_that_are_wanted():
    assert [task.name for task in book().targets([1, 1, 1])] == ["task 2"]
    assert [task.name for task in book().targets([1, 1, 0])] == ["task 1"]
    mine = book()
    mine.add(Task("wide", (0, 1)))
    assert [task.name for task in mine.targets([1, 1, 1, 1])] == ["task 2", "wide"]
    named = book(target=("task 1", "task 0"))
    assert [task.name for task in named.targets([0, 1, 1])] == ["task 1", "task 0"]


def test_an_unknown_target_is_refused_when_the_tasks_are_known():
    mine = book(target=("tusk 1",))
    with pytest.raises(ConfigError, match=r"unknown task 'tusk 1'. Did you mean 'task 1'"):
        mine.checked()


def test_goals_are_made_where_asked_for():
    assert book().goals() is None
    goals = book(goal="task").goals()
    assert goals is not None and goals.names == ["task 0", "task 1", "task 2"]


def test_hostile_names_stay_as_they_are():
    mine = book(0)
    for name in HOSTILE:
        mine.add(Task(name, 0.5))
    assert [plain["name"] for plain in mine.to_plain()] == HOSTILE
    assert [mine.place(name) for name in HOSTILE] == list(range(len(HOSTILE)))
