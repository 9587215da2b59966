"""A worker of two processes: who is told what, and what the death of each costs; no process runs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.fork_server import FakeForkServer, FakeWorker
from tests.support.watched_worker import IDR, OTHER, OUTPUT, Watched
from transcoder.ipc.messages import MessageType, serialize_json, serialize_message
from transcoder.service.worker_reports import MAY_SEND
from transcoder.worker_options import AudioFormat, Role, WorkerOptions

CONFIGURE, ACCESS_UNIT, ANNOUNCE = MessageType.CONFIGURE, MessageType.ACCESS_UNIT, MessageType.ANNOUNCE
DECODING_PROCESS, AUDIO_FORMAT, AUDIO = MessageType.DECODING_PROCESS, MessageType.AUDIO_FORMAT, MessageType.AUDIO
REPORT = {"cpu_s": 1.5, "counters": {}, "decode_errors": {}, "encoder_dropped": {}, "audio_errors": {}}


class Split(Watched):
    def process(self, role: Role) -> FakeWorker:
        """The latest process in a role."""
        return [worker for worker in self.server.workers if worker.role is role][-1]

    def count(self, role: Role) -> int:
        return sum(worker.role is role for worker in self.server.workers)

    async def until_both(self, decoding: int = 1, encoding: int = 1) -> None:
        await self.until(lambda: (self.count(Role.DECODING), self.count(Role.ENCODING)) == (decoding, encoding))
        await self.until(lambda: None not in {self.status.pid, self.status.decoding_pid})
        await asyncio.sleep(0.01)

    def heard(self, role: Role) -> list[MessageType]:
        return self.process(role).heard()

    async def report(self, role: Role, **changes: object) -> None:
        before = self.status.report
        self.process(role).say(serialize_json(MessageType.STATS, REPORT | changes))
        await self.until(lambda: self.status.report is not before)


@pytest.fixture
async def split() -> AsyncIterator[Split]:
    made = Split(FakeForkServer(), WorkerOptions(split=True))
    task = asyncio.get_running_loop().create_task(made.worker.run())
    await made.until_both()
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()
    assert not any(worker.alive for worker in made.server.workers)


async def test_access_units_go_to_one_process_and_everything_else_to_the_other(split: Split) -> None:
    assert split.heard(Role.DECODING) == [CONFIGURE]
    assert split.heard(Role.ENCODING) == [CONFIGURE, DECODING_PROCESS]
    assert split.worker.feed(IDR, 1.0)
    split.worker.configure(WorkerOptions(split=True))
    split.worker.force_idr(0)
    split.worker.repeat(0, 2.0)
    split.worker.note_unread(0)
    split.worker.feed_audio(90, b"sound")
    split.worker.set_audio(AudioFormat(encoding="PCMU", clock_rate=8000))
    waiting = asyncio.get_running_loop().create_task(split.worker.snapshot())
    await asyncio.sleep(0.01)
    waiting.cancel()
    assert split.heard(Role.DECODING) == [ACCESS_UNIT, AUDIO, AUDIO_FORMAT]
    assert split.heard(Role.ENCODING) == [
        ANNOUNCE, CONFIGURE, MessageType.KEYFRAME, MessageType.REPEAT, MessageType.UNREAD, AUDIO_FORMAT,
        MessageType.SNAPSHOT,
    ]  # fmt: skip


async def test_a_lost_decoding_process_is_shown_the_group_and_the_encoding_one_lives_on(split: Split) -> None:
    split.worker.feed(IDR, 1.0)
    split.worker.feed(OTHER, 1.1)
    split.heard(Role.ENCODING)
    split.process(Role.DECODING).die(hang_up=True, exit_status=-11)
    await split.until_both(decoding=2)
    assert split.heard(Role.DECODING) == [CONFIGURE, ACCESS_UNIT, ACCESS_UNIT]
    assert split.heard(Role.ENCODING) == [DECODING_PROCESS, ANNOUNCE, ANNOUNCE]
    assert len(split.deaths) == 1
    assert (split.status.deaths, split.status.decoding_deaths) == (1, 1)


async def test_a_lost_encoding_process_costs_no_replay(split: Split) -> None:
    split.worker.feed(IDR, 1.0)
    split.worker.feed(OTHER, 1.1)
    split.heard(Role.DECODING)
    split.process(Role.ENCODING).die(hang_up=True, exit_status=-9)
    await split.until_both(encoding=2)
    assert split.heard(Role.DECODING) == []
    assert split.heard(Role.ENCODING) == [CONFIGURE, DECODING_PROCESS, ANNOUNCE, ANNOUNCE]
    assert (split.status.deaths, split.status.decoding_deaths) == (1, 0)


async def test_a_group_is_blamed_for_deaths_of_decoding_processes_only(split: Split) -> None:
    split.worker.feed(IDR, 1.0)
    for number in range(2, 5):
        split.process(Role.ENCODING).die(hang_up=True, exit_status=-9)
        await split.until_both(encoding=number)
    for number in (2, 3):
        split.process(Role.DECODING).die(hang_up=True, exit_status=-11)
        await split.until_both(decoding=number, encoding=4)
        expected = [CONFIGURE, ACCESS_UNIT] if number == 2 else [CONFIGURE]  # the second death discards it
        assert split.heard(Role.DECODING) == expected


async def test_both_lost_are_both_replaced(split: Split) -> None:
    split.worker.feed(IDR, 1.0)
    for role in (Role.DECODING, Role.ENCODING):
        split.process(role).die(hang_up=True, exit_status=-9)
    await split.until_both(2, 2)
    assert split.heard(Role.DECODING) == [CONFIGURE, ACCESS_UNIT]
    heard = split.heard(Role.ENCODING)
    assert heard[-2:] == [DECODING_PROCESS, ANNOUNCE]


async def test_a_process_whose_other_half_belongs_to_another_fork_server_gets_a_new_one(split: Split) -> None:
    split.server.peer = 0
    split.process(Role.DECODING).die(hang_up=True, exit_status=-9)
    await split.until(lambda: split.count(Role.ENCODING) == 2)
    split.server.peer = None
    await split.until_both(2, 2)
    assert len(split.deaths) == 1


async def test_a_replaced_worker_is_told_of_once(split: Split) -> None:
    split.worker.replace("replaced on request")
    await split.until_both(2, 2)
    assert split.deaths == ["replaced on request"]


async def test_a_broken_rule_of_the_shared_memory_ends_the_decoding_process_alone(split: Split) -> None:
    split.process(Role.ENCODING).say(
        serialize_json(MessageType.LINK_BROKEN, {"reason": "a record out of sequence", "generation": 1})
    )
    await split.until_both(decoding=2)
    assert split.deaths == ["decoding process broke the rules of the shared memory: a record out of sequence"]
    assert split.count(Role.ENCODING) == 1


async def test_a_late_report_of_a_broken_rule_ends_no_other_process(split: Split) -> None:
    split.process(Role.DECODING).die(hang_up=True, exit_status=-9)
    await split.until_both(decoding=2)
    split.process(Role.ENCODING).say(serialize_json(MessageType.LINK_BROKEN, {"reason": "late", "generation": 1}))
    await split.report(Role.ENCODING)
    assert split.count(Role.DECODING) == 2


@pytest.mark.parametrize("kind", [kind for kind in MessageType if kind not in MAY_SEND[Role.DECODING]])
async def test_a_decoding_process_that_sends_anything_for_readers_is_replaced(split: Split, kind: MessageType) -> None:
    split.process(Role.DECODING).say(serialize_message(kind, b"{}"))
    await split.until_both(decoding=2)
    assert split.count(Role.ENCODING) == 1
    assert split.formats == {}
    assert split.pictures == []


def test_what_a_decoding_process_may_send() -> None:
    assert MAY_SEND[Role.DECODING] == {
        MessageType.READY, MessageType.STATS, MessageType.SOURCE_FORMAT, MessageType.FAILED,
    }  # fmt: skip


async def test_each_process_is_believed_in_its_own_matters_only(split: Split) -> None:
    await split.report(
        Role.DECODING,
        counters={"decoded_pictures": 7, "encoded_pictures": 99},
        encoder_dropped={"SEI": 5},
        motion=0.9,
        rate_divisor=16,
    )
    await split.report(
        Role.ENCODING, counters={"encoded_pictures": 3, "decoded_pictures": 99}, decode_errors={"reset": 1}, motion=0.25
    )
    report = split.status.report
    assert report["counters"] == {"decoded_pictures": 7, "encoded_pictures": 3}
    assert (report["decode_errors"], report["encoder_dropped"]) == ({}, {})
    assert (report["motion"], report["rate_divisor"], report["cpu_s"]) == (0.25, 1, 3.0)
    assert split.worker.cpu_s == 3.0
    split.process(Role.DECODING).die(hang_up=True, exit_status=-9)
    await split.until_both(decoding=2)
    assert split.worker.cpu_s == 3.0


async def test_a_format_is_the_encoding_process_s_word(split: Split) -> None:
    split.process(Role.ENCODING).say(serialize_json(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT}))
    await split.until(lambda: split.formats)
    assert split.formats[0].width == 640
