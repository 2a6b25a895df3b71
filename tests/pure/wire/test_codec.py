"""The codec against itself and against bytes taken from the kernel's own layout."""

import struct
from sys import byteorder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.wire import codec
from weft.wire.codec import Malformed, as_bytes, as_list, as_table, as_text, as_u8, as_u16, as_u32, messages, read, walk
from weft.wire.reply import Reply, attribute_at, read_done, read_reply

kinds = st.integers(1, 0x3FFF)
payloads = st.binary(max_size=40)


@given(st.lists(st.tuples(kinds, payloads), max_size=20))
def test_attributes_come_back_in_order(pairs: list[tuple[int, bytes]]) -> None:
    buffer = b"".join(codec.attribute(kind, payload) for kind, payload in pairs)
    assert len(buffer) % 4 == 0
    assert [(kind, buffer[at:end]) for kind, at, end in walk(buffer, 0, len(buffer))] == pairs


@given(st.dictionaries(kinds, payloads), st.sets(kinds))
def test_only_what_the_table_names_is_read(attributes: dict[int, bytes], named: set[int]) -> None:
    buffer = b"".join(codec.attribute(kind, payload) for kind, payload in attributes.items())
    found = read(buffer, 0, len(buffer), dict.fromkeys(named, as_bytes))
    assert found == {kind: payload for kind, payload in attributes.items() if kind in named}


@given(st.lists(st.tuples(st.integers(16, 0xFFFF), payloads), min_size=1, max_size=10))
def test_messages_come_back(sent: list[tuple[int, bytes]]) -> None:
    buffer = b"".join(codec.message(kind, 0, codec.attribute(1, payload)) for kind, payload in sent)
    found = [(kind, read(buffer, at, end, {1: as_bytes})[1]) for kind, _, _, at, end in messages(buffer)]
    assert found == sent


@given(st.binary(max_size=200))
def test_no_bytes_hang_or_read_beyond_their_end(noise: bytes) -> None:
    def must_be_inside(buffer: bytes, at: int, end: int) -> None:
        assert 0 <= at <= end <= len(buffer)

    try:
        for _, _, _, at, end in messages(noise):
            read(noise, at, end, dict.fromkeys(range(0x4000), must_be_inside))
    except Malformed:
        pass


@given(st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.text(max_size=30))
def test_numbers_and_texts(small: int, middle: int, great: int, words: str) -> None:
    words = words.replace("\0", "")
    buffer = codec.nest(
        9,
        codec.u8(1, small),
        codec.attribute(2, middle.to_bytes(2, byteorder)),
        codec.u32(3, great),
        codec.text(4, words),
        codec.flag(5),
    )
    table = {1: as_u8, 2: as_u16, 3: as_u32, 4: as_text, 5: as_bytes}
    assert read(buffer, 0, len(buffer), {9: as_table(table)}) == {9: {1: small, 2: middle, 3: great, 4: words, 5: b""}}


def test_bytes_that_are_no_text_survive() -> None:
    buffer = codec.text(1, b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert buffer[4:8] == b"caf\xe9"
    assert codec.text(1, read(buffer, 0, len(buffer), {1: as_text})[1]) == buffer


@given(st.lists(st.text("abc", max_size=5), max_size=5))
def test_lists(names: list[str]) -> None:
    buffer = codec.nest(52, *(codec.text(53, name) for name in names))
    assert read(buffer, 0, len(buffer), {52: as_list(53, as_text)}) == {52: tuple(names)}


@given(st.integers(1, 0xFFFFFF00), st.lists(st.binary(max_size=9), min_size=1, max_size=5), st.booleans())
def test_only_the_last_of_a_stamped_batch_asks_for_an_answer(
    first: int, bodies: list[bytes], acknowledge: bool
) -> None:
    padded = [codec.attribute(7, body) for body in bodies]
    batch = [codec.message(16, codec.NLM_F_CREATE, body) for body in padded]
    data = bytes(codec.stamped(batch, first, acknowledge=acknowledge))
    plain = codec.NLM_F_REQUEST | codec.NLM_F_CREATE
    asking = [plain] * (len(batch) - 1) + [plain | codec.NLM_F_ACK if acknowledge else plain]
    found = list(messages(data))
    assert [(kind, flags, sequence) for kind, flags, sequence, _, _ in found] == [
        (16, flags, first + at) for at, flags in enumerate(asking)
    ]
    assert [data[start:end] for *_, start, end in found] == padded


def test_malformed_is_said() -> None:
    with pytest.raises(Malformed):
        list(messages(struct.pack("=IHHII", 8, 16, 0, 0, 0)))
    with pytest.raises(Malformed):
        read(struct.pack("=HH", 40, 1), 0, 4, {})


def error(errno_: int, *extended: bytes, flags: int) -> tuple[bytes, int, int, int]:
    request = codec.HEADER.pack(16, 16, 1, 1, 0)
    body = struct.pack("=i", -errno_) + request + b"".join(extended)
    return body, 0, len(body), flags


def test_the_kernels_sentence_is_read() -> None:
    flags = codec.NLM_F_CAPPED | codec.NLM_F_ACK_TLVS
    said = read_reply(*error(22, codec.text(1, "no such thing"), codec.u32(2, 36), flags=flags))
    assert said == Reply(22, "no such thing", 36)
    assert read_reply(*error(0, flags=codec.NLM_F_CAPPED)) == Reply(0)
    assert read_reply(*error(1, flags=0)) == Reply(1)


def test_a_dump_that_ended_badly() -> None:
    body = struct.pack("=i", -2) + codec.text(1, "FIB table does not exist")
    assert read_done(body, 0, len(body), codec.NLM_F_ACK_TLVS) == Reply(2, "FIB table does not exist")
    assert read_done(struct.pack("=i", 0), 0, 4, 0) == Reply(0)


def test_the_culprit_of_an_offset() -> None:
    request = codec.message(16, 0, bytes(16), codec.u32(4, 1500), codec.nest(18, codec.text(1, "veth")))
    assert attribute_at(request, 16, 32) == 4
    assert attribute_at(request, 16, 46) == 18
    assert attribute_at(request, 16, 4000) is None


fixed = st.dictionaries(kinds, st.sampled_from([b"\1", b"\1\2", b"\1\2\3\4", b"", b"12345678"]), max_size=8)


@given(st.lists(st.tuples(fixed, st.integers(0, 3)), max_size=12), st.sets(kinds, max_size=4))
def test_nests_that_look_alike_read_as_any_others(nests: list[tuple[dict[int, bytes], int]], named: set[int]) -> None:
    """Also where they do not: in another order, of the same size by chance, cut short."""
    given = {kind for attributes, _ in nests for kind in attributes}
    table = dict.fromkeys({*named, *sorted(given)[::2]}, as_bytes)
    alike, plain = codec.as_alike(table), as_table(table)
    for attributes, cut in nests:
        buffer = b"".join(codec.attribute(kind, payload) for kind, payload in attributes.items())
        for shown in (buffer, buffer, buffer[: len(buffer) - cut], b"".join(reversed([buffer[:4], buffer[4:]]))):
            assert _told(alike, shown) == _told(plain, shown)


def _told(reader: codec.Read, buffer: bytes) -> object:
    try:
        return reader(b"...." + buffer, 4, 4 + len(buffer))
    except Malformed as wrong:
        return str(wrong)
