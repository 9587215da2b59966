"""The modules of the page that draw nothing: what a user typed, problems, addresses, and the geometry of masks."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Route

from tests.support import chromium
from transcoder.media.geometry import Rectangle
from transcoder.media.masks import MaskSet
from transcoder.media.picture import OwnPicture
from transcoder.web import load
from transcoder.worker_options import Mask
from transcoder_native.kernels.polygon import polygon_mask

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(browser: Browser) -> Iterator[Run]:
    """Run the body of a function of JavaScript over a module of the page, without a gateway; all share one page."""
    files = load()
    page, faults = chromium.open_page(browser, base := "http://127.0.0.1:9")

    def answer(route: Route) -> None:
        file = files.get(route.request.url.removeprefix(f"{base}/web/"))
        if file is None:
            route.fulfill(body="<!doctype html><title>t</title>", content_type="text/html")
        else:
            route.fulfill(body=file.content, content_type=file.media_type)

    page.route("**/*", answer)
    page.goto("/")

    def run_one(module: str, body: str, given: object = None) -> Any:
        return page.evaluate(
            "async ([module, body, given]) => new Function('m', 'given', body)(await import(module), given)",
            [f"/web/js/{module}.js", body, given],
        )

    yield run_one
    page.context.close()
    assert faults.found() == []


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.142, "142\u00a0ms"), (0.0004, "0\u00a0ms"), (1.25, "1.3\u00a0s"), (72, "72\u00a0s"), (None, "\u2013")],
)
def test_a_delay_and_its_unit_stay_together(run: Run, seconds: float | None, words: str) -> None:
    assert run("i18n", "return m.delay(given)", seconds) == words


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(5.0, ["0", "2.5", "5"]), (342.0, ["0", "200", "400"]), (0.04, ["0", "0.02", "0.04"]), (0.0, ["0", "0.5", "1"])],
)
def test_the_axis_of_a_chart_says_where_its_lines_are(run: Run, highest: float, ticks: list[str]) -> None:
    found = run(
        "chart",
        """const options = { title: "t", unit: "fps", digits: 1, series: [{ name: "in", column: "fps_in" }] };
        const chart = new m.Chart(options, new AbortController().signal);
        document.body.append(chart.node);
        chart.draw({ now: "2026-01-01T12:00:00Z", step_s: 10, at: ["2026-01-01T11:59:50Z"], fps_in: [given] });
        return new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
          done([...chart.node.querySelectorAll(".chart-tick")].map((one) => one.textContent));
          chart.node.remove();
        })));""",
        highest,
    )
    assert found[:3] == ticks


# -- names, paths and timers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [("H264", "H.264"), ("h265", "H.265"), ("JPEG", "JPEG"), ("constructor", "constructor"), (None, "\u2013")],
)
def test_a_codec_is_named_as_its_standard_names_it(run: Run, name: str | None, words: str) -> None:
    assert run("words", "return m.codecWords(given)", name) == words


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (["front"], "/api/v1/streams/front"),
        (["a/b", "sub"], "/api/v1/streams/a%2Fb/renditions/sub"),
        (["front", ""], "/api/v1/streams/front"),
    ],
)
def test_a_path_of_the_api_holds_an_id_as_one_segment(run: Run, given: list[str], path: str) -> None:
    assert run("api", "return m.streamPath(...given)", given) == path


def test_a_timer_ends_with_its_signal(run: Run) -> None:
    found = run(
        "timers",
        """const seen = [], stays = new AbortController(), goes = new AbortController(), gone = AbortSignal.abort();
        return (async () => {
        m.later(() => seen.push("once"), 1, stays.signal);
        m.later(() => seen.push("ended"), 1, goes.signal);
        m.later(() => seen.push("too late"), 1, gone);
        m.every(() => seen.push("again"), 1, goes.signal);
        goes.abort();
        await m.pause(50);
        m.every(() => seen.push("seen"), 1, stays.signal);
        while (!seen.includes("seen")) await m.pause(1);
        stays.abort();
        const before = seen.length;
        await m.pause(20);
        return [[...new Set(seen)], seen.length - before];
        })();""",
    )
    assert found == [["once", "seen"], 0]


# -- what a user typed -------------------------------------------------------------------------------------------------


def test_what_is_typed_stays_while_the_document_changes(run: Run) -> None:
    found = run(
        "edits",
        """const edits = new m.Edits(new Map([["fps", 10], ["codec", "h264"]]));
        edits.set("fps", 5);
        const changed = edits.take(new Map([["fps", 10], ["codec", "h265"]]));
        return [edits.get("fps"), edits.get("codec"), changed, edits.conflicts.size];""",
    )
    assert found == [5, "h265", ["codec"], 0]


def test_what_both_changed_is_a_conflict_until_one_is_chosen(run: Run) -> None:
    found = run(
        "edits",
        """const edits = new m.Edits(new Map([["fps", 10], ["gop_s", 1]]));
        edits.set("fps", 5);
        edits.set("gop_s", 2);
        edits.take(new Map([["fps", 7], ["gop_s", 2]]));  // the other writer wants the same gop_s
        const conflicts = [...edits.conflicts];
        edits.choose("fps", "theirs");
        return [conflicts, edits.get("fps"), edits.get("gop_s"), edits.isDirty];""",
    )
    assert found == [[["fps", {"mine": 5, "theirs": 7}]], 7, 2, False]


def test_the_value_of_the_gateway_is_no_change(run: Run) -> None:
    body = """const edits = new m.Edits(new Map([["fps", 10]])); edits.set("fps", 5); edits.set("fps", 10);
    return edits.isDirty;"""
    assert run("edits", body) is False


# -- problems ----------------------------------------------------------------------------------------------------------


def test_a_rendition_may_have_the_name_of_what_every_object_has(run: Run) -> None:
    found = run(
        "fields",
        """const body = m.put({}, "renditions.constructor.fps", 5);
        m.put(body, "renditions.constructor.size", null);
        const none = m.at({ renditions: {} }, "renditions.constructor.name");
        const fps = m.at(body, "renditions.constructor.fps");
        return [JSON.stringify(body), fps, none ?? null, Object.hasOwn(Object, "fps")];""",
    )
    assert found == ['{"renditions":{"constructor":{"fps":5,"size":null}}}', 5, None, False]


@pytest.mark.parametrize(
    ("path", "page", "stream"),
    [
        ("/stream/front", "stream", "front"),
        ("/stream/%", "stream", "%"),
        ("/stream/front%2Fledger", "stream", "front%2Fledger"),  # never a path of the API
        ("/stream/front%2Fledger/masks", "masks", "front%2Fledger"),
        ("/stream/front/ledger", "wall", None),
    ],
)
def test_a_route_names_a_stream_and_nothing_below_it(run: Run, path: str, page: str, stream: str | None) -> None:
    route = run("router", "location.hash = given; return m.route();", f"#{path}")
    assert (route["name"], route["parameters"].get("id")) == (page, stream)


def test_a_problem_belongs_to_the_field_with_its_path(run: Run) -> None:
    problems = [
        "streams.front.video.fps: must be at least 0.5 (it is 0.1)",
        "streams.front.renditions.sub.size: must have an even width and height",
        "streams.front: video.mode is relay, which decodes nothing: masks can't be drawn",
        "streams.front.masks[0].polygon: covers nothing: all its corners lie on one line",
    ]
    paths = ["video.fps", "renditions", "renditions.sub.size", "masks"]
    found = run(
        "problems",
        """const {at, others} = m.assign({problems: given[0], detail: "", title: ""}, "streams.front", given[1]);
        return [[...at.keys()].sort(), others];""",
        [problems, paths],
    )
    assert found[0] == ["masks", "renditions.sub.size", "video.fps"]
    assert found[1] == ["video.mode is relay, which decodes nothing: masks can't be drawn"]


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("10.0.0.7", ["rtsp://10.0.0.7", None, None]),
        (" rtsp://10.0.0.7/live ", ["rtsp://10.0.0.7/live", None, None]),
        ("rtsps://admin:p%40ss%2F@cam.example:322/a?b=1", ["rtsps://cam.example:322/a?b=1", "admin", "p@ss/"]),
        ("admin:s3cr3t@10.0.0.7:554", ["rtsp://10.0.0.7:554", "admin", "s3cr3t"]),
        ("rtsp://viewer@10.0.0.7/", ["rtsp://10.0.0.7/", "viewer", None]),
        ("rtsp://10.0.0.7/user=admin&password=@x", ["rtsp://10.0.0.7/user=admin&password=@x", None, None]),
        ("http://10.0.0.7/", ["http://10.0.0.7/", None, None]),
    ],
)
def test_a_login_is_taken_out_of_an_address(run: Run, typed: str, expected: list[str | None]) -> None:
    body = "const {url, username, password} = m.splitLogin(given); return [url, username, password];"
    assert run("camera_url", body, typed) == expected


@pytest.mark.parametrize(
    ("known", "taken", "proposed"),
    [
        ({"url": "rtsp://10.0.0.7/live"}, [], "camera-10-0-0-7"),
        ({"url": "rtsp://10.0.0.7/live"}, ["camera-10-0-0-7"], "camera-10-0-0-7-2"),
        ({"url": "rtsp://[fd00::7]:554/"}, [], "camera-fd00-7"),
        ({"url": "rtsp://10.0.0.7/", "channel": 3, "stream": "sub"}, [], "camera-10-0-0-7-3-sub"),
        ({"url": "rtsp://10.0.0.7/", "title": "Façade & Straße 5"}, [], "facade-stra-e-5"),
        ({"url": "rtsp://10.0.0.7/", "title": "門"}, [], "camera"),
        ({"url": ""}, [], ""),
    ],
)
def test_an_id_is_proposed(run: Run, known: dict[str, Any], taken: list[str], proposed: str) -> None:
    assert run("camera_url", "return m.proposedId(given[0], new Set(given[1]));", [known, taken]) == proposed


# -- masks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "served", "expected"),
    [
        (16 / 9, 16 / 9, [0, 0, 1, 1]),
        (16 / 9, 1, [0, 0.21875, 1, 0.5625]),  # bars above and below: 640x360 in 640x640
        (4 / 3, 16 / 9, [0.125, 0, 0.75, 1]),  # bars beside: 960x720 in 1280x720
        (0, 16 / 9, [0, 0, 1, 1]),
    ],
)
def test_where_the_camera_s_picture_lies(run: Run, shape: float, served: float, expected: list[float]) -> None:
    body = "const {x, y, width, height} = m.placed(given[0], given[1]); return [x, y, width, height];"
    assert run("polygons", body, [shape, served]) == pytest.approx(expected)


def test_bounds_and_ways_back_of_the_masks(run: Run) -> None:
    found = run(
        "mask_model",
        """const model = new m.MaskModel([]);
        const said = [];
        for (let index = 0; index < 33; index += 1) said.push(model.addRectangle([0.1, 0.1], [0.3, 0.2]));
        model.undo();
        model.begin([0, 0]);
        for (let index = 0; index < 65; index += 1) said.push(model.put([index / 64, (index % 2) / 2]));
        said.push(model.finish());
        model.select(0, 0);
        said.push(model.removeCorner(), model.removeCorner());
        model.moveBy(-1, -1);
        return [model.masks.length, model.masks.at(-1).polygon.length, model.polygon, said.filter(Boolean)];""",
    )
    assert found[0] == 32
    assert found[1] == 64
    assert found[2][0] == [0, 0]
    assert found[3] == ["masks.limit.masks", "masks.limit.corners", "masks.limit.last"]


def test_a_line_is_no_mask(run: Run) -> None:
    body = """const model = new m.MaskModel([]); model.begin([0, 0]);
    for (const x of [0.1, 0.5, 0.9]) model.put([x, x]);
    return [model.finish(), model.masks.length];"""
    assert run("mask_model", body) == ["masks.limit.few", 0]


@pytest.mark.parametrize("style", ["solid", "pixelate", "blur"])
def test_the_preview_shows_what_the_gateway_draws(run: Run, style: str) -> None:
    width, height = 160, 90
    generator = np.random.default_rng(5)
    grey = np.kron(generator.integers(40, 220, (height // 10, width // 10)), np.ones((10, 10))).astype(np.uint8)
    polygon = ((0.2, 0.2), (0.85, 0.3), (0.5, 0.9))
    drawn = OwnPicture(width, height)
    drawn.fill((0, 128, 128))
    drawn.planes[0][:, :width] = grey
    whole = Rectangle(x=0, y=0, width=width, height=height)
    MaskSet((Mask(polygon=polygon, style=style),), (width, height), whole).apply(drawn)
    expected = drawn.planes[0][:, :width].astype(int)
    if style == "solid":
        expected[expected == 16] = 0  # black in limited range, which a browser shows as 0
    shown = run(
        "mask_preview",
        """const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = given.size;
        const context = canvas.getContext("2d");
        const image = context.createImageData(...given.size);
        given.grey.forEach((value, index) => image.data.set([value, value, value, 255], index * 4));
        context.putImageData(image, 0, 0);
        m.drawMasks(context, [{polygon: given.polygon, style: given.style}], {x: 0, y: 0, width: 1, height: 1});
        const {data} = context.getImageData(0, 0, ...given.size);
        return given.grey.map((_, index) => data[index * 4]);""",
        {"size": [width, height], "grey": grey.ravel().tolist(), "polygon": polygon, "style": style},
    )
    difference = np.abs(np.array(shown).reshape(height, width) - expected)
    hidden = np.zeros((height, width), np.uint8)
    polygon_mask(np.array(polygon), width, hidden)
    # the gateway hides every sample that the outline touches, and the browser blends those
    steps = [(rows, columns) for rows in range(-2, 3) for columns in range(-2, 3)]
    outline = np.any([hidden != np.roll(hidden, step, (0, 1)) for step in steps], axis=0)
    assert difference[~outline].max() <= 3  # both means are rounded twice
    assert (difference[(hidden == 1) & ~outline] == 0).mean() > 0.5
