"""``volley completion``: scripts that teach bash, zsh and fish the commands and options, made from the parser."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = """\
Prints a script; where it goes depends on the shell:

  bash   volley completion bash > ~/.local/share/bash-completion/completions/volley
  zsh    volley completion zsh > "${fpath[1]}/_volley"
  fish   volley completion fish > ~/.config/fish/completions/volley.fish

For the running shell alone: source <(volley completion bash)
"""


@dataclass(frozen=True, slots=True)
class _Option:
    """An option: its spellings, whether a value follows, what that may be, and what the option is for."""

    names: tuple[str, ...]
    takes_value: bool
    choices: tuple[str, ...]
    is_path: bool
    about: str


@dataclass(frozen=True, slots=True)
class _Command:
    name: str
    about: str
    options: tuple[_Option, ...]
    words: tuple[str, ...]
    takes_files: bool


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "print a script that completes commands and options in your shell"
    parser = commands.add_parser("completion", help=about, description=f"{about.capitalize()}.", epilog=_EXAMPLES)
    parser.add_argument("shell", choices=_SHELLS, help="the shell")
    parser.set_defaults(execute=execute)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from .arguments import build_parser

    writers: dict[str, Callable[[list[_Command]], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    print("\n".join(writers[arguments.shell](_commands(build_parser()))))
    return 0


def _commands(parser: argparse.ArgumentParser) -> list[_Command]:
    (tree,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    abouts = {action.dest: action.help or "" for action in tree._choices_actions}  # noqa: SLF001
    return [_command(name, abouts[name], sub) for name, sub in tree.choices.items()]


def _command(name: str, about: str, parser: argparse.ArgumentParser) -> _Command:
    actions = parser._actions  # noqa: SLF001  # argparse offers no other way to look at a parser
    options = tuple(
        _Option(
            tuple(action.option_strings),
            action.nargs != 0,
            tuple(map(str, action.choices or ())),
            action.metavar is not None and str(action.metavar).startswith(("FILE", "DIR", "QUERY.sql")),
            action.help or "",
        )
        for action in actions
        if action.option_strings
    )
    places = [action for action in actions if not action.option_strings]
    words = tuple(str(choice) for action in places for choice in action.choices or ())
    return _Command(name, about, options, words, bool(places) and not words)


def _bash(commands: list[_Command]) -> Iterator[str]:
    names = " ".join(command.name for command in commands)
    yield "# bash completion of volley; made by: volley completion bash"
    yield "_volley() {"
    yield '\tlocal cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield "\tCOMPREPLY=()"
    yield f'\tif [ "$COMP_CWORD" -eq 1 ]; then words="{names} --help --version"; else'
    yield '\tcase "${COMP_WORDS[1]} $prev" in'
    for command in commands:
        for option in command.options:
            if option.takes_value:
                spelled = " | ".join(f'"{command.name} {name}"' for name in option.names)
                chosen = f'words="{" ".join(option.choices)}"' if option.choices else "return"
                yield f"\t{spelled}) {chosen} ;;"
    yield '\t*) case "${COMP_WORDS[1]} $cur" in'
    for command in commands:
        yield f'\t\t"{command.name} -"*) words="{" ".join(name for o in command.options for name in o.names)}" ;;'
        if command.words:
            yield f'\t\t"{command.name} "*) words="{" ".join(command.words)}" ;;'
    yield "\t\tesac ;;"
    yield "\tesac; fi"
    yield '\t[ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")'
    yield "}"
    yield "complete -o default -F _volley volley"


def _zsh(commands: list[_Command]) -> Iterator[str]:
    yield "#compdef volley"
    yield "# zsh completion of volley; made by: volley completion zsh"
    yield "_volley() {"
    yield "\tlocal -a commands"
    yield "\tcommands=("
    for command in commands:
        yield f"\t\t{shlex.quote(f'{command.name}:{command.about}')}"
    yield "\t)"
    yield "\tif (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield "\tlocal command=$words[2]"
    yield "\tshift words; (( CURRENT-- ))"
    yield "\tcase $command in"
    for command in commands:
        yield f"\t{command.name}) _arguments -s \\"
        for option in command.options:
            for name in option.names:
                about = option.about.translate(str.maketrans("[]:", "(),"))
                value = ""
                if option.takes_value:
                    value = f":value:({' '.join(option.choices)})" if option.choices else ":value:"
                    value += "_files" if option.is_path else ""
                yield f"\t\t{shlex.quote(f'{name}[{about}]{value}')} \\"
        yield (
            f"\t\t'1:word:({' '.join(command.words)})' ;;"
            if command.words
            else ("\t\t'*:file:_files' ;;" if command.takes_files else "\t\t;;")
        )
    yield "\tesac"
    yield "}"
    yield 'if [ "$funcstack[1]" = _volley ]; then _volley "$@"; else compdef _volley volley; fi'


def _fish(commands: list[_Command]) -> Iterator[str]:
    yield "# fish completion of volley; made by: volley completion fish"
    for command in commands:
        about = shlex.quote(command.about)
        yield f"complete -c volley -n __fish_use_subcommand -f -a {command.name} -d {about}"
    for command in commands:
        seen = f"complete -c volley -n '__fish_seen_subcommand_from {command.name}'"
        if command.words:
            yield f"{seen} -f -a {shlex.quote(' '.join(command.words))}"
        for option in command.options:
            spelled = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            value = f" -x -a {shlex.quote(' '.join(option.choices))}" if option.choices else ""
            if option.takes_value and not option.choices:
                value = " -r" if option.is_path else " -x"
            yield f"{seen} {spelled}{value} -d {shlex.quote(option.about)}"
