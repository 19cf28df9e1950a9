"""The hypothesis profile that was asked for holds in every test."""

import re
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.rglob("*.py") if path.name not in ("conftest.py", Path(__file__).name))


def test_the_profile_is_the_one_of_the_command_line(request):
    asked = request.config.getoption("--hypothesis-profile") or "suite"
    assert settings.default == settings.get_profile(asked)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_no_test_has_settings_of_its_own(path):
    assert not re.search(r"\bload_profile\b|\bmax_examples\b", path.read_text())
