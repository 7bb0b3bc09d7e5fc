"""The programs that the seeds print: found, compared with the print, run, and their branches."""

import ast
import pathlib
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).parent
SEEDS = ("000", "001", "004")


def path(seed, name):
    """Where a program stands with its indentation."""
    return FOLDER / seed / f"{name}.py"


def names(seed):
    """The programs of a seed."""
    return sorted(each.stem for each in (FOLDER / seed).glob("*.py"))


def printed(seed, name):
    """A program as the document prints it."""
    return path(seed, name).with_suffix(".printed.txt").read_text()


def without_blanks(text):
    return "".join(text.split())


def run(seed, name, around, substitutes=None, begin=None):
    """Runs a program; gives what it defines.

    `around` is what the document leaves undefined. `substitutes` stand in place of what it prints; one that is
    not there is a mistake of ours. With `begin` it runs from that text on alone.
    """
    source = path(seed, name).read_text()
    for old, new in (substitutes or {}).items():
        assert old in source, f"{name} has no {old!r}"
        source = source.replace(old, new)
    if begin is not None:
        before, found, after = source.partition(begin)
        assert found, f"{name} has no {begin!r}"
        # Lines keep their numbers.
        source = "\n" * before.count("\n") + found + after
    scope = {"__name__": "seed", **around}
    exec(compile(source, str(path(seed, name)), "exec"), scope)
    return scope


@dataclass(frozen=True)
class Branch:
    """One way that a program can go."""

    seed: str
    name: str
    #: The line that decides.
    line: int
    #: What it says, with `not` before a condition that does not hold and nothing is said for that.
    text: str
    #: The first line of what is done then; `None` where that is whatever comes next.
    target: int | None
    #: Where it does not go.
    other: int | None = None

    def is_taken(self, lines, arcs):
        """Whether a run went this way: `lines` and `arcs` are those that it passed."""
        if self.other is None:
            return self.target in lines
        return any(source == self.line and target != self.other for source, target in arcs)

    def __str__(self):
        return f"{self.seed}/{self.name}.py:{self.line}  {self.text}"


def branches(seed, name):
    """Every `except`, `if`, `elif` and `else` of a program, and every `if` without an `else` the other way."""
    source = path(seed, name).read_text()
    lines = source.splitlines()

    def said(line):
        return lines[line - 1].strip()

    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            found.append(Branch(seed, name, node.lineno, said(node.lineno), node.body[0].lineno))
        elif isinstance(node, ast.If):
            body = node.body[0].lineno
            found.append(Branch(seed, name, node.lineno, said(node.lineno), body))
            if not node.orelse:
                found.append(Branch(seed, name, node.lineno, f"not: {said(node.lineno)}", None, body))
            elif not said(node.orelse[0].lineno).startswith("elif"):
                target = node.orelse[0].lineno
                found.append(Branch(seed, name, node.lineno, f"else of: {said(node.lineno)}", target))
    return sorted(found, key=lambda branch: (branch.line, branch.text.startswith(("not", "else"))))
