"""This module finds the parts of the page, and measures what a person sees of them."""

from collections import Counter
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page

WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
"""axe-core's names of the rules of WCAG 2.1, levels A and AA."""

_LOOK: Final = """video => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [64, 36];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 64, 36);
  const data = context.getImageData(0, 0, 64, 36).data;
  return Array.from({ length: 64 * 36 }, (_, i) => Math.round((data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3));
}"""
_FRAMES: Final = "video => video.getVideoPlaybackQuality().totalVideoFrames"
_VIOLATIONS: Final = """rules => axe.run(document, { runOnly: { type: "tag", values: rules } }).then(found =>
  found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.target.join(" ")).slice(0, 5).join(", ")}`))"""


def part(page: Page, name: str) -> Locator:
    """Return the part of the page that is marked for tests with a name."""
    return page.get_by_test_id(name)


def tile_state(page: Page, stream: str) -> Locator:
    """Return what a stream's tile says of its state."""
    return part(page, f"tile-state-{stream}")


def frames(video: Locator) -> int:
    """Return how many pictures a video has shown."""
    return int(video.evaluate(_FRAMES))


def wait_for_frames(page: Page, video: Locator, count: int) -> None:
    """Wait until a video has shown that many more pictures."""
    page.wait_for_function(
        "([video, least]) => video.getVideoPlaybackQuality().totalVideoFrames >= least",
        arg=[video.element_handle(), frames(video) + count],
        polling=50,
    )


def grey(picture: Locator) -> list[int]:
    """Return a picture or a video in 64 x 36 values of grey, row after row."""
    values: list[int] = picture.evaluate(_LOOK)
    return values


def is_slate(picture: Locator) -> bool:
    """Return whether a picture or a video is a slate: most of it is one grey, with words on it."""
    (_, count), *_ = Counter(values := grey(picture)).most_common(1)
    return count > len(values) / 2


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page by the rules of WCAG 2.1 AA."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_VIOLATIONS, list(WCAG))
    return found


def overflow(page: Page) -> int:
    """Return the pixels that a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


_TEXTS: Final = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node; (node = walker.nextNode()); ) {
    if ((node.parentElement ?? node).closest("[data-testid=audit-row]")) continue;
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    else for (const name of ["aria-label", "title", "placeholder", "alt"]) found.push(node.getAttribute(name) ?? "");
  }
  return found.map(text => text.trim()).filter(Boolean);
}"""


def texts(page: Page) -> list[str]:
    """Return every text of a page: those between tags and those of attributes that people see or hear.

    The audit log is left out, which names keys of the configuration.
    """
    found: list[str] = page.evaluate(_TEXTS)
    return found


_MAX_TABS: Final = 200
_UNREACHED: Final = """() => [...document.querySelectorAll("a[href],button,input,select,textarea,summary,[tabindex]")]
  .filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }))
  .filter(one => !(one.type === "radio" && !one.checked) && !one.dataset.reached)
  .map(one => one.outerHTML.slice(0, 160))"""
_REACH: Final = """() => {
  const at = document.activeElement;
  at.dataset.reached = "yes";
  const shows = style => style.boxShadow !== "none" || (style.outlineStyle !== "none" && style.outlineWidth !== "0px");
  const seen = shows(getComputedStyle(at)) || shows(getComputedStyle(at, "::after")) || at instanceof SVGElement;
  return at === document.body || seen ? "" : `no visible focus: ${at.outerHTML.slice(0, 160)}`;
}"""


def unreached(page: Page) -> list[str]:
    """Press Tab through a page; return the controls that never got the focus, or got it without showing it."""
    page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
    hidden: list[str] = []
    for _ in range(_MAX_TABS):
        page.keyboard.press("Tab")
        if fault := page.evaluate(_REACH):
            hidden.append(fault)
        if not page.evaluate(_UNREACHED):
            break
    return hidden + page.evaluate(_UNREACHED)


def heap_bytes(page: Page) -> int:
    """Return the bytes that a page's scripts hold, after the garbage is collected."""
    session: Any = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return int(usage["usedSize"])
