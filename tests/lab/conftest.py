"""Small contents, and the reader of simulated cameras."""

import shutil
from pathlib import Path

import pytest

from tests.support.camera_reader import CameraReader
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.scenes import SceneOptions

FPS = 20
LOOP_S = 1.0
GOP_S = 0.5


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("content")


@pytest.fixture(scope="session")
def contents(cache: Path) -> dict[SourceCodec, Content]:
    """A loop of 20 numbered pictures of 320x180, IDR every 10."""
    scene = SceneOptions(width=320, height=180, fps=FPS, seconds=LOOP_S, counter=True)
    return {
        codec: from_scene(ContentOptions(scene=scene, codec=codec, gop_s=GOP_S, bitrate_kbps=600), cache)
        for codec in (*Codec, PictureCodec.JPEG, PictureCodec.MPEG4)
    }


@pytest.fixture
def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if not found:
        pytest.skip("ffmpeg is not installed")
    return found


@pytest.fixture
def client_class() -> type[CameraReader]:
    return CameraReader
