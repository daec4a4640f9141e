"""Ways to run the tests, as options of pytest; loaded by tests/conftest.py.

`--no-skips`: a skipped test is a failure, so that a run on a complete machine proves everything.
An expected failure (xfail) stays what it is.

`--no-gl`: tests that open OpenGL in their own process are skipped.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NoReturn, TypeVar

import pytest

from livecam.render import context

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="count a skipped test as a failure, with its reason"
    )
    parser.addoption("--no-gl", action="store_true", help="skip the tests that open OpenGL")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--no-gl"):

        def skip(*args: Any, **kwargs: Any) -> NoReturn:
            pytest.skip("it opens OpenGL, and --no-gl is given")

        for name in ("_headless", "_in_window"):
            assert hasattr(context, name)
            setattr(context, name, skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    return report if expected_failure else failed_if_skipped(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module may be skipped too, by `importorskip` at its top."""
    report = yield
    return failed_if_skipped(report, collector.config)


def failed_if_skipped(report: Report, config: pytest.Config) -> Report:
    if report.skipped and config.getoption("--no-skips"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(--no-skips: a skipped test is a failure)"
    return report
