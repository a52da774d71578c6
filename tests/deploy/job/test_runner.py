"""Steps are stored when they end, reused when nothing changed, and never half there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from volley.deploy.job.progress import LogProgress
from volley.deploy.job.runner import JobStep, StepOutcome, execute
from volley.deploy.job.workspace import Workspace
from volley.engine.errors import Cancelled, ExecutionError, TemporaryFailure, WriteError


class Recorder:
    """Makes steps that write their name and remember that they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def step(self, name: str, identity: object = None, act: Callable[[Path], None] | None = None) -> JobStep:
        def run(folder: Path) -> StepOutcome:
            self.ran.append(name)
            (folder / "data").write_text(name)
            if act is not None:
                act(folder)
            return StepOutcome(rows=1, facts={"name": name, "pair": (1, 2)})

        return JobStep(key=name, name=name, kind="test", identity=identity, run=run)


class Sink:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        return len(text)

    def flush(self) -> None: ...


def run(out: Path, steps: list[JobStep], base: object = "inputs") -> list[bool]:
    with Workspace(out) as workspace:
        found = execute(steps, base=base, workspace=workspace, progress=LogProgress(Sink()))  # type: ignore[arg-type]  # all a log needs
    return [step.reused for step in found.done]


def test_second_run_reuses_everything(tmp_path: Path) -> None:
    made = Recorder()
    steps = [made.step("a"), made.step("b")]
    assert run(tmp_path, steps) == [False, False]
    assert run(tmp_path, steps) == [True, True]
    assert made.ran == ["a", "b"]


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    made = Recorder()
    out = tmp_path / "year" / "month"
    assert run(out, [made.step("a")]) == [False]
    assert run(out, [made.step("a")]) == [True]
    assert (out / ".work").stat().st_mode & 0o777 == 0o700


def test_changed_step_and_later_ones_run_again(tmp_path: Path) -> None:
    made = Recorder()
    run(tmp_path, [made.step("a"), made.step("b", 1), made.step("c")])
    assert run(tmp_path, [made.step("a"), made.step("b", 2), made.step("c")]) == [True, False, False]


def test_changed_inputs_run_everything_again(tmp_path: Path) -> None:
    made = Recorder()
    run(tmp_path, [made.step("a")], base="old")
    assert run(tmp_path, [made.step("a")], base="new") == [False]


def test_facts_are_the_same_fresh_and_reused(tmp_path: Path) -> None:
    made = Recorder()
    facts = []
    for _ in range(2):
        with Workspace(tmp_path) as workspace:
            found = execute([made.step("a")], base=0, workspace=workspace, progress=LogProgress(Sink()))  # type: ignore[arg-type]  # all a log needs
            facts.append(found.done[0].record)
    assert facts[0] == facts[1]
    assert facts[0].facts["pair"] == [1, 2]


def test_a_failed_step_leaves_the_finished_ones_and_nothing_half(tmp_path: Path) -> None:
    made = Recorder()

    def fail(folder: Path) -> None:
        raise ExecutionError("no")

    with pytest.raises(ExecutionError, match=r"^no\n"):
        run(tmp_path, [made.step("a"), made.step("b", act=fail)])
    assert sorted(p.name for p in (tmp_path / ".work").iterdir()) == ["a", "lock"]
    assert run(tmp_path, [made.step("a"), made.step("b")]) == [True, False]


def test_a_step_may_forbid_the_rest(tmp_path: Path) -> None:
    made = Recorder()
    first = replace(made.step("a"), blocks=lambda facts: f"{facts['name']} says stop")
    for expected in (False, True):
        with Workspace(tmp_path) as workspace:
            found = execute([first, made.step("b")], base=0, workspace=workspace, progress=LogProgress(Sink()))  # type: ignore[arg-type]  # all a log needs
        assert found.blocked == "a says stop"
        assert [step.reused for step in found.done] == [expected]
    assert made.ran == ["a"]


def test_interrupt_becomes_cancelled_and_is_resumable(tmp_path: Path) -> None:
    made = Recorder()

    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Cancelled, match="stopped in step b; the same command goes on"):
        run(tmp_path, [made.step("a"), made.step("b", act=interrupt)])
    assert run(tmp_path, [made.step("a"), made.step("b")]) == [True, False]


def test_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    made = Recorder()

    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WriteError, match="the disk is full while writing step a") as caught:
        run(tmp_path, [made.step("a", act=full)])
    assert "\n" not in str(caught.value)


def test_other_operating_system_errors_pass_unchanged(tmp_path: Path) -> None:
    made = Recorder()

    def broken(folder: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        run(tmp_path, [made.step("a", act=broken)])


@pytest.mark.parametrize("damage", ["truncate", "remove", "record"])
def test_a_damaged_result_is_made_again(tmp_path: Path, damage: str) -> None:
    made = Recorder()
    run(tmp_path, [made.step("a")])
    stored = tmp_path / ".work" / "a"
    if damage == "truncate":
        (stored / "data").write_text("")
    elif damage == "remove":
        (stored / "data").unlink()
    else:
        (stored / "step.json").write_text("{")
    assert run(tmp_path, [made.step("a")]) == [False]
    assert (stored / "data").read_text() == "a"


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    left = tmp_path / ".work" / ".unfinished-a"
    left.mkdir(parents=True)
    (left / "data").write_text("half")
    with Workspace(tmp_path):
        assert not left.exists()


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with Workspace(tmp_path), pytest.raises(TemporaryFailure, match="another run is writing"), Workspace(tmp_path):
        pass


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(WriteError, match="cannot be written"), Workspace(blocker / "out"):
        pass


def test_steps_the_job_no_longer_has_are_removed(tmp_path: Path) -> None:
    made = Recorder()
    run(tmp_path, [made.step("a"), made.step("b")])
    with Workspace(tmp_path) as workspace:
        workspace.keep_only(["a"])
        assert sorted(p.name for p in workspace.root.iterdir()) == ["a", "lock"]
        workspace.clear()
        assert sorted(p.name for p in workspace.root.iterdir()) == ["lock"]


def test_log_lines_say_rows_bytes_and_time(tmp_path: Path) -> None:
    made, sink = Recorder(), Sink()
    with Workspace(tmp_path) as workspace:
        execute([made.step("a")], base=0, workspace=workspace, progress=LogProgress(sink))  # type: ignore[arg-type]  # all a log needs
    text = "".join(sink.lines)
    assert "[1/1] a (test) …" in text
    assert "1 rows  1 B" in text
