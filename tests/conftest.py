"""Settings that every Python test shares."""

import os

import pytest
from hypothesis import settings

# Deadlines measure the machine, not the code; CI repeats itself so that a failure can be too.
settings.register_profile("sapwood", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("sapwood")

# What production asks for, so that tests may make apps without saying more than they mean.
os.environ["SAPWOOD_SECRET"] = "for-tests-alone-" * 2
os.environ["SAPWOOD_HOSTS"] = "testserver 127.0.0.1"


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as uvicorn does."""
    return "asyncio"
