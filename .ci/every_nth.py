"""A plugin of pytest: of the tests only each n-th, for runs in which all would take too long."""


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run only each n-th test")
    parser.addoption("--first", type=int, default=0, help="the first one")


def pytest_collection_modifyitems(config, items):
    chosen = items[config.getoption("first") :: config.getoption("every")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
