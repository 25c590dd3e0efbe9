"""The messages between the stages: bytes that savepoints hold, so that they never change, and kinds that are known."""

import numpy as np
import pytest

from segmentation.columns.encoding import ColumnsError, encode_columns
from segmentation.columns.texts import Texts
from segmentation.messages import (
    EventsOfShard,
    FeaturesOfShard,
    Kind,
    Message,
    MessageError,
    PopulationMoves,
    Preview,
    SettledUpTo,
    decode_as,
    decode_message,
)
from segmentation.population.moves import Moves

USERS = [bytes(range(32)), bytes(range(32, 64))]
FEATURES = FeaturesOfShard(
    USERS,
    {
        "user": np.array([0, 1], np.uint32),
        "tick": np.array([60, 120], np.int64),
        "score": np.array([3, 0], np.int64),
        "event": np.array([True, False]),
        "late": np.array([False, True]),
    },
    {"plan": ["free", "pro"]},
    settled=0,
    until=120,
)
MESSAGES: dict[str, Message] = {
    "events": EventsOfShard(
        USERS,
        {
            "user": np.array([1, 0, 1], np.uint32),
            "id_high": np.array([1, 2, 2**64 - 1], np.uint64),
            "id_low": np.array([4, 5, 6], np.uint64),
            "at": np.array([7, 8, 9], np.int64),
            "name": np.array([0, 1, -1], np.int32),
        },
        {"p:channel": Texts(np.array([0, -1, 1], np.int32), ["adé", "x"])},
        ("click", "buy"),
        clock=9,
    ),
    "clock": EventsOfShard.only_clock(5, 4),
    "features": FEATURES,
    "early": Preview(FEATURES),
    "population": PopulationMoves(
        {
            "score": Moves(np.array([60, 60]), np.array([1, 3]), np.array([-1, 1])),
            "": Moves(np.array([9]), np.array([0]), np.array([1])),
        }
    ),
    "settle": SettledUpTo(120),
}

#: As the first version of this layout wrote them. They lie in savepoints: a change here is a change of the layout.
FROZEN = {
    "events": (
        "53474331380100007b226d657461223a7b226b696e64223a226576656e7473222c22636c6f636b223a392c226865617274626561"
        "74223a6e756c6c2c226e616d6573223a5b22636c69636b222c22627579225d2c227465787473223a5b22703a6368616e6e656c22"
        "5d7d2c22636f6c756d6e73223a5b5b227573657273222c227c7531222c36345d2c5b2275736572222c223c7534222c31325d2c5b"
        "2269645f68696768222c223c7538222c32345d2c5b2269645f6c6f77222c223c7538222c32345d2c5b226174222c223c6938222c"
        "32345d2c5b226e616d65222c223c6934222c31325d2c5b22703a6368616e6e656c222c223c6934222c31325d2c5b22703a636861"
        "6e6e656c2f6c656e67746873222c223c6934222c385d2c5b22703a6368616e6e656c2f74657874222c227c7531222c355d5d2c22"
        "73697a65223a307d000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
        "2c2d2e2f303132333435363738393a3b3c3d3e3f0100000000000000010000000000000001000000000000000200000000000000"
        "ffffffffffffffff0400000000000000050000000000000006000000000000000700000000000000080000000000000009000000"
        "000000000000000001000000ffffffff0000000000000000ffffffff010000000000000003000000010000006164c3a978000000"
    ),
    "clock": (
        "53474331480000007b226d657461223a7b226b696e64223a226576656e7473222c22636c6f636b223a352c226865617274626561"
        "74223a347d2c22636f6c756d6e73223a5b5d2c2273697a65223a307d"
    ),
    "features": (
        "53474331400100007b226d657461223a7b226b696e64223a226665617475726573222c22736574746c6564223a302c22756e7469"
        "6c223a3132302c22726f7773223a5b2275736572222c227469636b222c2273636f7265222c226576656e74222c226c617465225d"
        "2c22766f636162756c6172696573223a5b22706c616e225d7d2c22636f6c756d6e73223a5b5b227573657273222c227c7531222c"
        "36345d2c5b2275736572222c223c7534222c385d2c5b227469636b222c223c6938222c31365d2c5b2273636f7265222c223c6938"
        "222c31365d2c5b226576656e74222c227c6231222c325d2c5b226c617465222c227c6231222c325d2c5b22766f636162756c6172"
        "793a706c616e2f6c656e67746873222c223c6934222c385d2c5b22766f636162756c6172793a706c616e2f74657874222c227c75"
        "31222c375d5d2c2273697a65223a307d000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
        "2425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f00000000010000003c000000000000007800000000000000"
        "030000000000000000000000000000000100000000000000000100000000000004000000030000006672656570726f00"
    ),
    "early": (
        "53474331400100007b226d657461223a7b226b696e64223a226561726c79222c22736574746c6564223a302c22756e74696c223a"
        "3132302c22726f7773223a5b2275736572222c227469636b222c2273636f7265222c226576656e74222c226c617465225d2c2276"
        "6f636162756c6172696573223a5b22706c616e225d7d2c22636f6c756d6e73223a5b5b227573657273222c227c7531222c36345d"
        "2c5b2275736572222c223c7534222c385d2c5b227469636b222c223c6938222c31365d2c5b2273636f7265222c223c6938222c31"
        "365d2c5b226576656e74222c227c6231222c325d2c5b226c617465222c227c6231222c325d2c5b22766f636162756c6172793a70"
        "6c616e2f6c656e67746873222c223c6934222c385d2c5b22766f636162756c6172793a706c616e2f74657874222c227c7531222c"
        "375d5d2c2273697a65223a307d202020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
        "2425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f00000000010000003c000000000000007800000000000000"
        "030000000000000000000000000000000100000000000000000100000000000004000000030000006672656570726f00"
    ),
    "population": (
        "53474331d00000007b226d657461223a7b226b696e64223a22706f70756c6174696f6e222c226665617475726573223a5b227363"
        "6f7265222c22225d7d2c22636f6c756d6e73223a5b5b22626f756e646172793a30222c223c6938222c31365d2c5b2273636f7265"
        "3a30222c223c6938222c31365d2c5b2275736572733a30222c223c6938222c31365d2c5b22626f756e646172793a31222c223c69"
        "38222c385d2c5b2273636f72653a31222c223c6938222c385d2c5b2275736572733a31222c223c6938222c385d5d2c2273697a65"
        "223a307d202020203c000000000000003c0000000000000001000000000000000300000000000000ffffffffffffffff01000000"
        "00000000090000000000000000000000000000000100000000000000"
    ),
    "settle": (
        "53474331400000007b226d657461223a7b226b696e64223a22736574746c65222c22756e74696c223a3132307d2c22636f6c756d"
        "6e73223a5b5d2c2273697a65223a307d20202020"
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_are_those_that_lie_in_savepoints(name: str) -> None:
    assert MESSAGES[name].encode().hex() == FROZEN[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_lies_in_savepoints_is_read(name: str) -> None:
    read = decode_message(bytes.fromhex(FROZEN[name]))
    assert type(read) is type(MESSAGES[name])
    assert read.encode().hex() == FROZEN[name]


def test_every_kind_is_frozen() -> None:
    assert {*FROZEN} == {*Kind, "clock"}


@pytest.mark.parametrize("meta", [{"kind": "resettle"}, {"kind": None}, {"kind": ["settle"]}, {}])
def test_unknown_kind_is_refused_by_its_name(meta: dict[str, object]) -> None:
    data = encode_columns({**meta, "until": 120}, {})
    with pytest.raises(MessageError) as error:
        decode_message(data)
    assert repr(meta.get("kind")) in str(error.value)
    assert "events, features, early, population, settle" in str(error.value)


def test_another_kind_than_the_expected_one_is_refused() -> None:
    assert decode_as(SettledUpTo, SettledUpTo(120).encode()) == SettledUpTo(120)
    with pytest.raises(MessageError, match="expected PopulationMoves, found SettledUpTo"):
        decode_as(PopulationMoves, SettledUpTo(120).encode())


def test_bytes_that_are_no_columns_are_no_message() -> None:
    with pytest.raises(ColumnsError):
        decode_message(b"SGF1....")
