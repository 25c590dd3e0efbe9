"""The examples in docstrings run, and every public class of the domain has one."""

import doctest
import importlib
import pkgutil

import pytest

import onboarding
import pipeline
import schemas
import segmentation
import transforms

MODULES = sorted(
    found.name
    for room in (onboarding, pipeline, schemas, segmentation, transforms)
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
