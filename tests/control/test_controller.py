"""The verbs of every interface, on a gateway whose streams pull nothing."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.controller_world import FRONT, OPS, World, world
from transcoder.errors import ConfigError, KeyNotTrusted
from transcoder.lab.cameras.certificate import Certificate
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.urls import parse_url
from transcoder.service.status import Rates, StreamState
from transcoder.source.camera_keys import TlsOptions
from transcoder.source.problems import MEANINGS, Unreadable

__all__ = ["world"]


# -- questions ---------------------------------------------------------------------------------------------------------


async def test_a_document_has_no_secret(world: World) -> None:
    document = world.controller.stream("front")
    assert (document.id, document.origin, document.config["video"]["fps"]) == ("front", "file", 10)
    assert "hunter2" not in document.model_dump_json()
    assert "hunter2" not in repr(world.controller.configuration())
    assert "source" not in world.controller.properties("front")


async def test_what_is_asked_of_a_stream_that_there_is_not(world: World) -> None:
    controller = world.controller
    for ask in (controller.stream, controller.state, controller.status, controller.ledger, controller.numbers,
                controller.properties, controller.keyframe, controller.history):  # fmt: skip
        with pytest.raises(Rejected) as caught:
            ask("gone")
        assert caught.value.code is Code.UNKNOWN_STREAM
    del controller.gateway.streams["front"]
    with pytest.raises(Rejected) as caught:
        controller.state("front")
    assert caught.value.code is Code.UNAVAILABLE
    assert controller.ids() == ["yard"]


async def test_a_wall_has_the_streams_that_there_are_and_no_address_for_who_may_not_know_it(world: World) -> None:
    world.stream().status.problem = "no connection to 10.0.0.2"
    world.stream().status.source.problem_code = "unreachable"
    world.stream().status.state = StreamState.AWAY
    del world.controller.gateway.streams["yard"]
    full, bare = (world.controller.wall(addresses=addresses) for addresses in (True, False))
    assert [tile.id for tile in full.tiles] == [tile.id for tile in bare.tiles] == ["front"]
    assert full.tiles[0].problem == "no connection to 10.0.0.2"
    assert "10.0.0.2" not in bare.model_dump_json()
    assert (bare.gateway.streams, bare.gateway.node) == (1, world.controller.config.node)


async def test_the_history_of_a_stream_begins_with_the_first_ten_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(11):
        monkeypatch.setattr("transcoder.control.controller.clock.monotonic", lambda now=100.0 + second: now)
        world.controller.sample()
    found = world.controller.history("front")
    assert (len(found.at), found.readers, found.delay_p50_s) == (1, (0,), (None,))
    assert found.at[0] <= found.now


async def test_audit_entries_of_a_stream(world: World) -> None:
    await world.controller.update("front", {"video": {"fps": 5}}, OPS)
    await world.controller.restart("yard", OPS)
    found = await world.controller.audit("front", details=True)
    assert [(entry.interface, entry.name, entry.action) for entry in found.entries] == [("http", "ops", "update")]
    assert found.entries[0].changes == ("video.fps",)
    with pytest.raises(Rejected) as caught:
        await world.controller.audit("gone", details=True)
    assert caught.value.code is Code.UNKNOWN_STREAM


async def test_every_problem_has_a_code_and_no_code_is_without_a_problem(world: World) -> None:
    front, controller = world.stream(), world.controller
    source, relay = front.status.source, front._relay

    def told() -> tuple[str | None, str | None, str | None]:
        state = controller.state("front")
        return state.problem, state.problem_code, state.next_attempt_at

    assert told() == (None, None, None)
    for code in MEANINGS:
        source.problem_code, source.next_attempt = code, 1_000_000_000.0
        relay.on_source_lost(f"why {code}", was_playing=False)
        assert told() == (f"why {code}", code, "2001-09-09T01:46:40.000Z")
    source.next_attempt, source.place = None, lambda: 3
    assert told() == ("waits its turn to connect to its host, place 3; before: why gateway", "waiting", None)
    source.place = lambda: 0
    relay.on_unreadable(Unreadable("encrypted", "turn it off"))
    assert told() == ("turn it off", "encrypted", None)
    front.parts.worker.listener.on_worker_problem("it died")
    assert told() == ("it died", "gateway", None)
    front.status.state = StreamState.PLAYING
    assert told() == (None, None, None)


async def test_a_stream_that_the_gateway_does_not_pull_says_why(world: World) -> None:
    controller = world.controller
    controller.gateway.withheld = {"front": "changes were lost"}
    off = controller.config.streams["front"].model_copy(update={"audio": "reencode"})
    withheld = controller.config.model_copy(update={"streams": {**controller.config.streams, "front": off}})
    await controller.gateway.apply(withheld, ["front"])
    state = controller.state("front")
    assert (state.status, state.problem, state.problem_code) == ("disabled", "changes were lost", "gateway")
    controller.gateway.withheld = {}
    by_hand = off.model_copy(update={"enabled": False})
    config = withheld.model_copy(update={"streams": {**withheld.streams, "front": by_hand}})
    await controller.gateway.apply(config, ["front"])
    state = controller.state("front")
    assert (state.status, state.problem, state.problem_code) == ("disabled", None, None)


async def test_totals_over_all_streams(world: World) -> None:
    for stream, state in ((world.stream("front"), StreamState.PLAYING), (world.stream("yard"), StreamState.AWAY)):
        stream.status.state, stream.status.rates = state, Rates(fps_in=25.0, kbps_out=1000.0, cpu=0.25)
        stream.status.output.readers = 2
    stats = world.controller.stats()
    assert (stats.streams, stats.online, stats.readers) == (2, 1, 4)
    assert (stats.fps_in, stats.kbps_out, stats.cpu, stats.mqtt_connected) == (50.0, 2000.0, 0.5, None)
    assert world.controller.info().api_url == "http://192.0.2.1:8080"


async def test_a_lost_worker_makes_a_stream_degraded(world: World) -> None:
    front = world.stream()
    front.status.state = StreamState.PLAYING
    assert world.controller.status("front") == "online"
    front.parts.worker.listener.on_worker_lost("signal 11")
    assert world.controller.status("front") == "degraded"
    assert world.told() == [("worker_restarted", "front", {"reason": "signal 11"})]


# -- changes -----------------------------------------------------------------------------------------------------------


async def test_a_stream_from_its_adding_to_its_removal(world: World) -> None:
    controller = world.controller
    await controller.add("gate", FRONT, OPS)
    assert controller.ids() == ["front", "yard", "gate"]
    document = await controller.update("gate", {"video": {"fps": 5}}, OPS)
    assert document.config["video"]["fps"] == 5
    await controller.replace("gate", {"source": "rtsp://10.0.0.9/"}, OPS)
    await controller.remove("gate", OPS)
    assert controller.ids() == ["front", "yard"]
    kinds = [(kind, stream) for kind, stream, _ in world.told()]
    assert kinds == [("added", "gate"), ("updated", "gate"), ("updated", "gate"), ("removed", "gate")]
    assert [entry.what for entry in world.store.entries] == ["add", "update", "replace", "remove"]


async def test_a_change_touches_its_stream_alone(world: World) -> None:
    await world.controller.update("front", {"video": {"fps": 5}}, OPS)
    assert [told[0] for told in world.stream("front").parts.worker.told][:1] == ["configure"]
    assert world.stream("yard").parts.worker.told == []


async def test_a_title_is_shown_and_disturbs_nothing(world: World) -> None:
    await world.controller.update("front", {"title": "Front door", "labels": {"floor": "2"}}, OPS)
    state = world.controller.state("front")
    assert (state.title, state.site, state.labels) == ("Front door", None, {"floor": "2"})
    assert world.stream("front").parts.worker.told == []


async def test_a_source_as_it_was_shown_keeps_its_password(world: World) -> None:
    keys = world.controller.stream("front").config
    await world.controller.replace("front", keys | {"memory_limit_mb": 300}, OPS)
    front = world.controller.config.streams["front"]
    assert front.memory_limit_mb == 300
    assert front.source.password is not None
    assert front.source.password.get_secret_value() == "hunter2"
    assert len(world.stream().parts.sources) == 1  # the same camera, and no other connection


async def test_a_refused_change_is_told(world: World) -> None:
    with pytest.raises(Rejected):
        await world.controller.update("front", {"video": {"fps": -1}}, OPS)
    with pytest.raises(Rejected):
        await world.controller.update("gone\n", {}, OPS)
    (kind, stream, detail), (_, nobody, other) = world.told()
    assert (kind, stream, detail["by"]) == ("config_rejected", "front", str(OPS))
    assert "video.fps" in detail["reason"]
    assert (nobody, other["id"]) == (None, "gone?")


async def test_a_file_that_was_changed(world: World) -> None:
    await world.controller.reload(world.file(front=FRONT, gate=FRONT))
    assert world.controller.ids() == ["front", "gate"]
    assert world.interfaces.taken_up == [world.controller.config]
    kinds = [(kind, stream) for kind, stream, _ in world.told()]
    assert kinds == [("added", "gate"), ("removed", "yard"), ("config_reloaded", None)]
    world.controller.stats()  # looks at every stream
    assert world.controller._views.keys() == {"front", "gate"}


async def test_a_file_that_can_not_be_used(world: World) -> None:
    world.store.broken = True
    with pytest.raises(ConfigError):
        await world.controller.reload(world.file(gate=FRONT))
    world.controller.reload_failed(["streams.a.source: rtsp://u:hunter2@10.0.0.2/ is none"])
    assert world.controller.ids() == ["front", "yard"]
    [(kind, stream, detail)] = world.told()
    assert (kind, stream, detail["by"]) == ("config_rejected", None, "file")
    assert "hunter2" not in repr(detail)


# -- other verbs -------------------------------------------------------------------------------------------------------


async def test_a_restart_is_recorded_and_told(world: World) -> None:
    await world.controller.restart("front", OPS)
    assert world.stream().parts.worker.told == [("replace", "replaced on request")]
    assert [entry.what for entry in world.store.entries] == ["restart"]
    assert world.told() == [("restarted", "front", {"by": str(OPS)})]
    world.store.broken = True
    with pytest.raises(Rejected):
        await world.controller.restart("front", OPS)
    assert len(world.stream().parts.worker.told) == 1


async def test_a_key_is_accepted_recorded_and_told(world: World) -> None:
    keys, url = world.controller.gateway.gate.memory.keys, parse_url("rtsp://10.0.0.2/live")
    keys.check(TlsOptions(), url, Certificate("10.0.0.2").der)
    changed = Certificate("10.0.0.2").der
    with pytest.raises(KeyNotTrusted):
        keys.check(TlsOptions(), url, changed)
    await world.controller.accept_key("front", OPS)
    keys.check(TlsOptions(), url, changed)
    assert [entry.what for entry in world.store.entries] == ["accept_key"]
    assert world.told() == [("restarted", "front", {"by": str(OPS)})]
    with pytest.raises(Rejected):
        await world.controller.accept_key("gone", OPS)


async def test_a_keyframe_is_one_of_every_output(world: World) -> None:
    world.controller.keyframe("front")
    assert ("force_idr", 0) in world.stream().parts.worker.told


async def test_a_session_that_there_is_not(world: World) -> None:
    with pytest.raises(Rejected) as caught:
        await world.controller.end_session("none", OPS)
    assert caught.value.code is Code.UNKNOWN_SESSION


# -- events ------------------------------------------------------------------------------------------------------------


async def test_a_new_channel_is_kept_and_its_text_is_safe(world: World) -> None:
    world.controller.on_event("front", "channel_seen", {"layer": "nal_in", "kind": "odd\x00" + "x" * 1000})
    [(stream, layer, kind)] = world.store.channels
    assert (stream, layer, kind[:4], len(kind)) == ("front", "nal_in", "odd?", 300)
    assert world.told()[0][2]["kind"] == kind


async def test_an_event_that_is_in_no_document_is_not_told(world: World) -> None:
    world.controller.on_event("front", "exploded", {})
    assert world.told() == []


# -- verdicts ----------------------------------------------------------------------------------------------------------


async def test_a_verdict_is_kept_told_and_shown(world: World) -> None:
    answers = [{"statement": {"verdict": "unclean", "problems": {"RTP padding": 2}, "pictures": 9}, "signature": "AA"}]

    async def read(request: object, served: object) -> dict[str, Any]:
        return answers[0]

    world.controller.verifier._read = read
    world.stream().status.state = StreamState.PLAYING
    await world.controller.verify("front", OPS)
    assert world.store.entries[-1].what == "verify"
    await world.controller.verifier.look(0, 0)
    (event,) = world.told()
    assert event[:2] == ("verdict", "front")
    assert (event[2]["verdict"], event[2]["reason"], event[2]["by"]) == ("unclean", "RTP padding", "http:ops")
    (document,) = world.controller.verdicts("front").verdicts
    assert (document.verdict, document.pictures, document.signed) == ("unclean", 9, True)
    assert world.controller.state("front").verdict == document
    assert await world.controller.signed_verdict("front", document.number) == answers[0]


async def test_verdicts_that_there_are_not(world: World) -> None:
    assert world.controller.verdicts("yard").verdicts == ()
    assert world.controller.state("yard").verdict is None
    with pytest.raises(Rejected) as caught:
        await world.controller.signed_verdict("front", 1)
    assert caught.value.code is Code.UNKNOWN_VERDICT
    for ask in (world.controller.verify("gone", OPS), world.controller.signed_verdict("gone", 1)):
        with pytest.raises(Rejected) as caught:
            await ask
        assert caught.value.code is Code.UNKNOWN_STREAM


async def test_since_when_a_status_holds_does_not_depend_on_who_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2026-09-21T14:20:10Z is 1790000410."""
    wall = 1_790_000_410.0
    monkeypatch.setattr("transcoder.clock.wall_clock", lambda: wall)
    world.controller.sample()
    for at, state in ((420.0, StreamState.PLAYING), (440.0, StreamState.AWAY), (470.0, StreamState.AWAY)):
        wall = 1_790_000_000.0 + at
        world.stream().status.state = state
        world.controller.sample()
    told = world.controller.state("front")
    assert (told.status, told.since) == ("offline", "2026-09-21T14:20:40.000Z")


# -- what was served ---------------------------------------------------------------------------------------------------


async def test_when_a_stream_showed_its_camera(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """2026-09-21T14:20:10Z is 40 s before the clock of this test."""
    monkeypatch.setattr("transcoder.clock.monotonic", lambda: 500.0)
    monkeypatch.setattr("transcoder.clock.wall_clock", lambda: 1_790_000_450.0)
    spans = world.stream().status.output.spans
    for at in range(430, 471):
        spans.note(float(at), is_camera=True)
    for at in range(472, 501):
        spans.note(float(at), is_camera=False)
    told = world.controller.served("front", 1_790_000_410.0)
    assert (told.now, told.since) == ("2026-09-21T14:20:50.000Z", "2026-09-21T14:20:10.000Z")
    assert [(span.shows, span.begin, span.end, span.pictures) for span in told.spans] == [
        ("camera", "2026-09-21T14:20:10.000Z", "2026-09-21T14:20:21.200Z", 11),
        ("slate", "2026-09-21T14:20:22.000Z", "2026-09-21T14:20:50.000Z", 29),
    ]
    assert (told.camera_s, told.slate_s) == (11.2, 28.0)
    assert world.controller.served("front").since == "2026-09-21T14:19:50.000Z"
    assert world.controller.served("front", 1_800_000_000.0).spans[0].shows == "slate"
    assert world.controller.served("yard").spans == ()
    with pytest.raises(Rejected) as caught:
        world.controller.served("gone")
    assert caught.value.code is Code.UNKNOWN_STREAM


async def test_the_place_of_a_problem_stands_in_the_log_and_in_no_event(world: World) -> None:
    problem = "streams.a.video.fps: must be at least 1 (it is 0)"
    with capture_logs() as lines:
        world.controller.reload_failed([problem], [f"/etc/transcoder/gateway.yaml:7: {problem}"])
    [(_, _, detail)] = world.told()
    assert (detail["reason"], detail["problems"]) == (problem, [problem])
    assert lines[0]["words"].endswith(f": /etc/transcoder/gateway.yaml:7: {problem}")
