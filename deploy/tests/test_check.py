import pytest

from deploy.tooling import check


@pytest.mark.parametrize(
    ("full", "chromium", "adapter", "ci", "expression"),
    [
        (False, True, True, False, "not full"),
        (True, True, True, False, ""),
        (False, False, True, False, "not full and not browser"),
        (False, True, False, False, "not full and not gpu"),
        (True, False, False, False, "not browser and not gpu"),
        (False, False, False, True, "not full"),  # in CI they run, and fail
        (True, False, False, True, ""),
    ],
)
def test_which_tests_run(full: bool, chromium: bool, adapter: bool, ci: bool, expression: str):
    assert check.markers(full, chromium, adapter, ci) == expression


@pytest.mark.parametrize(
    ("value", "ci"), [("true", True), ("1", True), ("yes", True), ("", False), ("0", False), ("False", False)]
)
def test_in_ci(value: str, ci: bool):
    assert check.in_ci({"CI": value}) is ci
    assert not check.in_ci({})
