"""What no retry mends is told by its type: whatever Beam makes of it, the traceback's text still says so."""

import traceback
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.io.topics.errors import AddressError
from segmentation.columns.encoding import ColumnsError
from segmentation.columns.frames import FrameError
from segmentation.errors import FatalError, UsageError, is_fatal
from segmentation.messages import MessageError
from transforms.keys.sources import NoKeyError, SecretKeyError
from transforms.state.errors import ShardStateError

FATAL_ERRORS = [FatalError, ShardStateError, MessageError, ColumnsError, FrameError, NoKeyError, AddressError]
OTHERS = [UsageError, SecretKeyError, ValueError, KeyError]


class _Failing(beam.DoFn):
    def __init__(self, error: type[Exception], method: str) -> None:
        self._error = error
        self._method = method

    def setup(self) -> None:
        self._fail("setup")

    def process(self, _: Any) -> None:
        self._fail("process")

    def _fail(self, method: str) -> None:
        if method == self._method:
            raise self._error("what is wrong")


def _told(error: type[Exception], method: str) -> str:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create([1]) | beam.ParDo(_Failing(error, method))
    with pytest.raises(Exception, match="what is wrong") as failure:
        pipeline.run().wait_until_finish()
    return "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize("method", ["setup", "process"])
@pytest.mark.parametrize("error", [*FATAL_ERRORS, *OTHERS])
def test_worker_tells_a_fatal_error_from_others(error: type[Exception], method: str) -> None:
    told = _told(error, method)
    assert f"{error.__name__}: " in told
    assert is_fatal(told) is (error in FATAL_ERRORS)


@pytest.mark.parametrize("error", FATAL_ERRORS)
def test_text_of_a_fatal_error_is_its_message(error: type[FatalError]) -> None:
    assert str(error("what is wrong")) == "what is wrong"
