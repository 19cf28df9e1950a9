"""The C core says each name once, and its headers say what its definitions say."""

import re
from collections import Counter
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "csrc"
TEXT = {path.name: path.read_text(encoding="utf-8") for path in sorted(CORE.glob("*.[ch]"))}
PARAMETERS = r"\(((?:X\(\w+\)|[^()])*)\)"
FUNCTION = re.compile(r"^(\w[\w *]*?)(X\(\w+\)|\w+)" + PARAMETERS + r"(;|\s*\{)", re.M)
MEMBER = re.compile(r"^    (\w[\w *]*?)\(\*(\w+)\)" + PARAMETERS + ";", re.M)


def said(result, parameters):
    """What a declaration promises, in one spelling."""
    return re.sub(r"\s+", " ", f"{result.strip()} ({parameters})")


def functions(text, ending):
    """(name, what is said of it) of what ends in this: `{` for definitions, `;` for declarations."""
    return [(name, said(result, rest)) for result, name, rest, end in FUNCTION.findall(text) if end.strip() == ending]


DEFINED = [pair for text in TEXT.values() for pair in functions(text, "{")]
DECLARED = [pair for name in ("kernels.h", "rrqr.h") for pair in functions(TEXT[name], ";")]
TABLE = MEMBER.findall(TEXT["rrqr.h"].split("/* The kernels of one dtype. */")[1])


def test_every_function_of_the_core_has_a_name_of_its_own():
    names = Counter(re.sub(r"X\((\w+)\)", r"\1", name) for name, _ in DEFINED)
    assert len(names) > 100
    assert [name for name, times in names.items() if times > 1] == []


def test_every_constant_of_the_core_has_a_name_of_its_own_and_is_used():
    names = re.findall(r"^(?:    (?=\w+ =)|#define (?=\w+ ))(\w+)", TEXT["tuning.h"], re.M)
    everywhere = "\n".join(text for name, text in TEXT.items() if name != "tuning.h")
    everywhere += (CORE.parent / "src" / "rrqr_lapack" / "_core.pyx").read_text(encoding="utf-8")
    assert len(names) > 30
    for name in names:
        assert re.search(rf"\b{name}\b", everywhere), name
        assert not re.search(rf"(#define|const \w+|enum \{{) {name}\b", everywhere), name


@pytest.mark.parametrize(("name", "declared"), DECLARED, ids=[name for name, _ in DECLARED])
def test_a_header_says_what_the_definition_says(name, declared):
    assert declared == dict(DEFINED)[name]


@pytest.mark.parametrize(("result", "name", "parameters"), TABLE, ids=[name for _, name, _ in TABLE])
def test_the_table_of_kernels_says_what_the_definitions_say(result, name, parameters):
    assert said(result, parameters) == dict(DEFINED)[f"X({name})"]
