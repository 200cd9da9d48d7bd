"""A reel made in the browser: what comes out, taken apart by FFmpeg; where it goes; how it is given up."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import OpenPage
from e2e.driver import State, download, open_clip, pixels, seek, state, until
from e2e.moving import command, crop_height, open_analysed, reduced
from e2e.running import BOOT_MS, Server
from pycore.protocol import Size, TrackColumns, Tracking, encode
from server.tests import clips

pytestmark = pytest.mark.browser

SIZE = Size(160, 96)
TIMES_MS = [0, 33, 67, 100, 133, 200, 233, 250, 300, 340, 400, 500, 520, 540, 600, 633]
"""As phones film in changing light."""

NO_PICKER = "delete globalThis.showSaveFilePicker"
PICKER = """(globalThis.showSaveFilePicker = async options =>
    (await navigator.storage.getDirectory()).getFileHandle(options.suggestedName, {create: true})), null"""
RELUCTANT = """globalThis.asked = new Promise(asked => {
    globalThis.showSaveFilePicker = () => {
        asked();
        return Promise.reject(new DOMException('no', 'AbortError'));
    };
}), null"""
READ = """async path => {
    let folder = await navigator.storage.getDirectory();
    for (const name of path.slice(0, -1)) folder = await folder.getDirectoryHandle(name);
    const file = await (await folder.getFileHandle(path.at(-1))).getFile();
    return Array.from(new Uint8Array(await file.arrayBuffer()));
}"""
KEPT = """async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('exports', {create: true});
    return (await Array.fromAsync(folder.keys())).length;
}"""


def walker(time_ms: int) -> tuple[float, float]:
    """Where the player's middle is."""
    return 40 + 0.08 * time_ms, 48 + 0.006 * time_ms


def turned(path: Path) -> Path:
    """A bright blob that walks over grey, filmed upright on a phone that stores it lying: with sound."""
    y, x = np.mgrid[0 : SIZE.height, 0 : SIZE.width] + 0.5
    frames = []
    for time_ms in TIMES_MS:
        cx, cy = walker(time_ms)
        blob = np.exp(-((x - cx) ** 2 / 8 + (y - cy) ** 2 / 40))
        upright = np.repeat((70 + 0.2 * x + 150 * blob)[..., None], 3, axis=2).round().astype(np.uint8)
        frames.append(np.ascontiguousarray(np.rot90(upright, 1)))
    return clips.make(
        path, frames, pts=TIMES_MS, time_base=Fraction(1, 1000), options={"crf": "6"}, rotation=-90,
        audio="aac", seconds=0.7,
    )  # fmt: skip


def tracks() -> str:
    """The walker's, as an analysis leaves it."""
    boxes = [value for each in TIMES_MS for value in (walker(each)[0] - 5, walker(each)[1] - 12, 10, 24)]
    count = len(TIMES_MS)
    column = TrackColumns("1", list(range(count)), boxes, [0.9] * count, [0] * count)
    return json.dumps(encode(Tracking(SIZE, [each * 1000 for each in TIMES_MS], tracks=[column])))


def choose_browser(page: Page) -> None:
    """Chooses to export here, once that can be chosen."""
    until(page, lambda now: (now["local_offer"] or {}).get("available"), "an offer of this browser")
    page.get_by_test_id("route-browser").check()


def open_here(open_page: OpenPage, path: Path) -> Page:
    """The page with the walker followed and marked, and this browser chosen for the export."""
    page = open_page()
    page.evaluate(NO_PICKER)
    open_analysed(page, path, tracks())
    until(page, lambda now: now["preview"]["live"], "a live preview")
    command(page, "choose-player", track_id="1")
    command(page, "set-framing", framing={"player_share": 0.4, "smoothness": 0.3, "ball": 0.0})
    until(page, lambda _: crop_height(page) < 0.9, "the crop on the player")
    command(page, "set-spotlight", spotlight={"style": "ring", "label": "Ana"})
    command(page, "set-output", size={"width": 90, "height": 160}, model="quick")
    choose_browser(page)
    return page


def folder(tmp_path: Path) -> Path:
    """For what is downloaded, which has the source's name."""
    made = tmp_path / "made"
    made.mkdir()
    return made


def ended(now: State) -> bool:
    """Whether every export of this page is over."""
    return all(each["state"] != "running" for each in now["local_exports"])


def make_reel(page: Page) -> State:
    """Presses Export and waits until the reel is made."""
    before = len(state(page)["local_exports"])
    page.get_by_test_id("export-button").click()
    until(page, lambda now: len(now["local_exports"]) > before, "an export")
    made = until(page, ended, "its end")["local_exports"][0]
    assert made["state"] == "succeeded", made["error"]
    return made


def times(path: Path, kind: str) -> list[float]:
    """When each packet is shown, in seconds, in order."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        ticks = [packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None]
        return [float(each * (stream.time_base or 0)) for each in sorted(ticks)]


def test_the_reel_is_what_the_preview_shows_with_its_own_sound_and_times(
    open_page: OpenPage, tmp_path: Path
) -> None:
    source = turned(tmp_path / "turned.mp4")
    page = open_here(open_page, source)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    jobs = {each["id"] for each in state(page)["jobs"]}  # of other tests
    shown: dict[int, np.ndarray] = {}
    for number in (1, 8, 14):
        seek(page, TIMES_MS[number] / 1000 + 0.005)
        page.evaluate("globalThis.reelballers.settled()")
        shown[number] = pixels(page, "reel-canvas")
    made = make_reel(page)
    assert made["result"]["frames"] == len(TIMES_MS)
    assert made["progress"] == 1
    assert "PUT" not in sent
    assert {each["id"] for each in state(page)["jobs"]} == jobs, "nothing was asked of the server"
    reel = download(page, made["id"], folder(tmp_path))
    assert reel.name == "turned.mp4"
    assert reel.stat().st_size == made["result"]["bytes"]

    assert clips.packets(reel, "audio") == clips.packets(source, "audio")
    pictures, sound = times(reel, "video"), times(reel, "audio")
    assert np.diff(pictures) == pytest.approx(np.diff(TIMES_MS) / 1000, abs=1e-4)
    before = np.array(times(source, "audio")) - times(source, "video")[0]
    assert np.array(sound) - pictures[0] == pytest.approx(before, abs=0.001)

    frames = clips.ffmpeg_frames(reel, 90, 160)
    assert len(frames) == len(TIMES_MS)
    for number, picture in shown.items():
        difference = np.abs(reduced(frames[number], 30) - reduced(picture, 30))
        assert difference.mean() < 3
        yellow = frames[number].astype(int)
        assert ((yellow[..., 0] > 180) & (yellow[..., 2] < 120)).sum() > 10, "the ring"


def test_it_is_cancelled_and_a_part_is_made_where_the_person_chose(
    open_page: OpenPage, tmp_path: Path
) -> None:
    source = clips.make(tmp_path / "long.mp4", clips.numbered(250), audio="aac", seconds=10.0)
    page = open_page()
    page.evaluate(NO_PICKER)
    open_clip(page, source)
    until(page, lambda now: now["preview"]["live"], "a live preview")
    command(page, "set-output", size={"width": 90, "height": 160}, model="quick")
    choose_browser(page)
    page.get_by_test_id("export-button").click()
    started = until(page, lambda now: now["local_exports"], "an export")["local_exports"][0]
    expect(page.get_by_test_id("export-button")).to_be_disabled()
    page.get_by_test_id(f"job-{started['id']}").get_by_test_id("job-cancel").click()
    assert until(page, ended, "an end")["local_exports"][0]["state"] == "cancelled"
    assert page.evaluate(KEPT) == 0

    page.evaluate(RELUCTANT)
    page.get_by_test_id("export-button").click()
    page.evaluate("globalThis.asked")
    page.evaluate(PICKER)
    command(page, "set-trim", in_us=2_000_000, out_us=3_000_000)
    until(page, lambda now: now["project"]["clips"][0]["out_us"] == 3_000_000, "the trim")
    choose_browser(page)
    made = make_reel(page)
    assert len(state(page)["local_exports"]) == 2, "who thought better of it made none"
    expect(page.get_by_test_id(f"job-{made['id']}")).to_contain_text("saved where you chose")
    expect(page.get_by_test_id(f"job-{made['id']}").get_by_test_id("job-download")).to_be_hidden()
    reel = tmp_path / "reel.mp4"
    reel.write_bytes(bytes(page.evaluate(READ, ["long.mp4"])))

    pictures = times(reel, "video")
    assert np.array(pictures) - pictures[0] == pytest.approx(np.arange(25) / 25, abs=1e-4)
    every, kept = clips.packets(source, "audio"), clips.packets(reel, "audio")
    first = every.index(kept[0])
    assert kept == every[first : first + len(kept)]
    when = np.array(times(source, "audio"))[first : first + len(kept)] - 2
    assert when[0] <= 0 < when[1]
    assert when[-1] < 1 <= when[-1] + 1024 / clips.RATE + 1e-6
    assert np.array(times(reel, "audio")) - pictures[0] == pytest.approx(when, abs=0.001)


def test_two_clips_by_a_net_and_what_only_the_server_makes(open_page: OpenPage, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "two.mp4", clips.numbered(50), audio="aac", seconds=2.0)
    page = open_page(query="?adapter=software&tier=s")
    page.evaluate(NO_PICKER)
    open_clip(page, source)
    command(page, "set-output", size={"width": 36, "height": 64}, model="quick")
    command(page, "set-trim", in_us=0, out_us=480_000)
    command(page, "add-clip", at_us=1_010_000)
    command(page, "set-trim", in_us=1_010_000, out_us=1_500_000)
    command(page, "set-clip", title="Goal")
    page.get_by_test_id("estimates").get_by_text(
        "This browser makes no titles yet; the server does."
    ).wait_for()
    expect(page.get_by_test_id("export-button")).to_be_enabled()
    page.get_by_test_id("undo").click()
    choose_browser(page)
    made = make_reel(page)
    assert (made["result"]["frames"], made["result"]["tier"]) == (24, "S")
    reel = download(page, made["id"], folder(tmp_path))

    # Frames 0 to 11, then 26 to 37, without a gap: each as bright as it was made.
    pictures = times(reel, "video")
    assert np.array(pictures) - pictures[0] == pytest.approx(np.arange(24) / 25, abs=1e-4)
    numbers = [*range(12), *range(26, 38)]
    frames = clips.ffmpeg_frames(reel, 36, 64)[:, 24:40, 12:24].mean(axis=(1, 2, 3))
    made_of = np.array([clips.numbered(50)[number][24:40, 42:54].mean() for number in numbers])
    assert np.abs(frames - made_of).max() < 4

    every, kept = clips.packets(source, "audio"), clips.packets(reel, "audio")
    where = np.array([every.index(packet) for packet in kept])
    joint = int(np.flatnonzero(np.diff(where) > 1)[0]) + 1
    assert where.tolist() == [*range(where[0], where[joint - 1] + 1), *range(where[joint], where[-1] + 1)]
    shifts = np.array(times(source, "audio"))[where] - (np.array(times(reel, "audio")) - pictures[0])
    assert shifts[:joint] == pytest.approx(0, abs=0.001)
    assert shifts[joint:] == pytest.approx(1.04 - 0.48, abs=0.001)


PARTS = KEPT.replace("'exports'", "'export-parts'")


def test_it_is_paused_and_a_reload_takes_it_up_where_it_was(open_page: OpenPage, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "long.mp4", clips.numbered(250), audio="aac", seconds=10.0)
    page = open_page()

    def begin() -> None:
        page.evaluate(NO_PICKER)
        open_clip(page, source)
        until(page, lambda now: now["preview"]["live"], "a live preview")
        command(page, "set-output", size={"width": 90, "height": 160}, model="quick")
        choose_browser(page)

    begin()
    page.get_by_test_id("export-button").click()
    until(page, lambda now: now["local_exports"] and now["local_exports"][0]["progress"] > 0.45, "a part")
    line = page.get_by_test_id(f"job-{state(page)['local_exports'][0]['id']}")
    line.get_by_test_id("job-pause").click()
    expect(line.get_by_test_id("job-pause")).to_have_text("Continue")
    held = until(page, lambda now: now["local_exports"][0]["paused"], "a pause")["local_exports"][0]
    assert (held["state"], held["seconds_left"]) == ("running", None)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.evaluate("globalThis.reelballers.ready")

    begin()
    page.get_by_test_id("export-button").click()
    taken = until(page, lambda now: now["local_exports"] and now["local_exports"][0]["message"], "a note")
    assert taken["local_exports"][0]["message"] == "taken up where it broke off"
    page.get_by_test_id(f"job-{taken['local_exports'][0]['id']}").get_by_test_id("job-pause").click()
    until(page, lambda now: now["local_exports"][0]["paused"], "a pause")
    page.get_by_test_id(f"job-{taken['local_exports'][0]['id']}").get_by_test_id("job-pause").click()
    made = until(page, ended, "its end")["local_exports"][0]
    assert made["state"] == "succeeded", made["error"]
    assert made["result"]["frames"] == 250
    assert page.evaluate(PARTS) == 0
    reel = download(page, made["id"], folder(tmp_path))
    assert np.array(times(reel, "video")) == pytest.approx(np.arange(250) / 25, abs=1e-4)
    assert clips.packets(reel, "audio") == clips.packets(source, "audio")
    frames = clips.ffmpeg_frames(reel, 90, 160)[:, 60:100, 30:60].mean(axis=(1, 2, 3))
    wanted = [picture[24:40, 42:54].mean() for picture in clips.numbered(250)]
    assert np.abs(frames - np.array(wanted)).max() < 6


WITHOUT_H264 = """
const supported = VideoEncoder.isConfigSupported.bind(VideoEncoder);
VideoEncoder.isConfigSupported = async config =>
    config.codec.startsWith('avc1') ? {supported: false, config} : supported(config);
const devices = [], request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...given) {
    devices.push(await request.apply(this, given));
    return devices.at(-1);
};
new BroadcastChannel('lose').onmessage = () => devices.at(-1).destroy();
"""


def test_a_lost_gpu_ends_it_readably_and_without_h264_it_is_webm(
    webgpu_browser: Browser, server: Server, tmp_path: Path
) -> None:
    source = clips.make(tmp_path / "mute.mp4", clips.numbered(150))
    page = webgpu_browser.new_page()
    page.set_default_timeout(BOOT_MS)
    page.route(
        "**/worker.js",
        lambda route: route.fulfill(response=(answer := route.fetch()), body=WITHOUT_H264 + answer.text()),
    )
    page.goto(f"{server.url}/?adapter=software")
    page.evaluate("globalThis.reelballers.ready")
    page.evaluate(NO_PICKER)
    open_clip(page, source)
    command(page, "set-output", size={"width": 90, "height": 160}, model="quick")
    choose_browser(page)
    page.get_by_test_id("export-button").click()
    until(page, lambda now: now["local_exports"] and now["local_exports"][0]["progress"], "progress")
    page.evaluate("new BroadcastChannel('lose').postMessage(0)")
    lost = until(page, ended, "its end")["local_exports"][0]
    assert (lost["state"], lost["error"]["code"]) == ("failed", "gpu.lost")
    expect(page.get_by_test_id(f"job-{lost['id']}")).to_contain_text("The GPU was taken away")
    assert page.evaluate(KEPT) == 0

    command(page, "set-trim", in_us=0, out_us=1_000_000)
    choose_browser(page)
    made = make_reel(page)
    assert made["result"]["codec"] == "VP9"
    reel = download(page, made["id"], folder(tmp_path))
    page.context.close()
    assert reel.name == "mute.webm"
    with av.open(str(reel)) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["vp9"]
    assert np.array(times(reel, "video")) == pytest.approx(np.arange(25) / 25, abs=1e-3)  # WebM's ticks
    assert len(clips.ffmpeg_frames(reel, 90, 160)) == 25
