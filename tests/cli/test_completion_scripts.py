"""The scripts that `volley completion` prints, run by the shells they are for where those are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from volley.__main__ import main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("volley d", "demo doctor"),
        ("volley sql --fo", "--format"),
        ("volley sql --format json", "json jsonl"),
        ("volley explain --stage p", "physical"),
        ("volley run --dev", "--device"),
        ("volley completion z", "zsh"),
        ("volley sql -c se", ""),
        ("volley sql fl", ""),  # nothing of ours: bash goes on with files
    ],
)
def test_bash_completes(typed: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = typed.split()
    code = script("bash", capsys)
    code += f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _volley; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_script_knows_every_command_and_is_accepted(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    for word in ("run", "demo", "sql", "explain", "doctor", "completion", "format", "parquet", "memory-limit"):
        assert word in text
    if shutil.which(shell):  # none but bash is asked of a machine
        done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["completion", "tcsh"])
    assert stopped.value.code == 2
