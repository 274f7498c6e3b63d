"""Pictures and sounds of sequences, and the addresses that they come from."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.io import wavfile

from segue import Dataset, synth
from segue.errors import OptionError
from segue.readers import write
from segue.studio import Project
from segue.studio.opened import OpenData
from segue.studio.pictures import kinds_of, picture
from segue.studio.sounds import LONGEST, sound


def opened(data: Dataset) -> OpenData:
    return OpenData("here", "here", {}, data)


def pixels(found: bytes) -> Any:
    return imread(BytesIO(found))


@pytest.fixture
def tones() -> OpenData:
    """A tone of 1,000 Hz, silence behind it; and one of 3,000 Hz."""
    time = np.arange(8000) / 8000
    first = np.where(time < 0.5, 0.5 * np.sin(2 * np.pi * 1000 * time), 0)
    return opened(Dataset([first, 0.5 * np.sin(2 * np.pi * 3000 * time)], ["a", "b"], rate_hz=8000))


def test_a_spectrogram_shows_when_a_tone_sounds_and_how_high_it_is(tones: OpenData) -> None:
    """Rows are frequencies, the lowest below: of 129, up to 4,000 Hz."""
    seen = pixels(picture(tones, 0, "spectrogram", width=100))
    assert seen.shape == (129, 100, 4)
    light = seen[..., :3].sum(axis=2)
    loudest = 128 - light[:, 20].argmax()
    assert loudest == 1000 / 4000 * 128
    assert light[:, 80].max() < 0.1 * light[:, 20].max()
    near = pixels(picture(tones, 0, "spectrogram", start=3000, stop=3010, width=100))
    assert near.shape == (129, 10, 4)
    assert pixels(picture(tones, 1, "spectrogram", width=10**9)).shape[1] == 4000


def test_channels_are_rows_of_colours_and_images_stand_upright() -> None:
    values = np.zeros((5, 10), np.float32)
    values[1, 7] = 1
    data = opened(Dataset(np.stack([values, values.T[:5, :5].repeat(2, 1)]), ["a", "b"]))
    assert kinds_of(data) == ("curves", "heat map")
    seen = pixels(picture(data, 0, "heat map", width=100))[..., :3]
    assert seen.shape[:2] == (10, 5)  # a row a channel, a column a step
    assert (seen[7, 1] != seen[0, 0]).any()
    image = Dataset(values[None], ["a"], reading={"format": "idx", "by": "rows"})
    seen = pixels(picture(opened(image), 0, "image", width=100))[..., 0]
    assert np.argwhere(seen == seen.max()).tolist() == [[1, 7]]


def test_what_cannot_be_shown_is_refused(tones: OpenData) -> None:
    for kind in ("heat map", "image", "text", "curves", "../x"):
        with pytest.raises(OptionError, match="these are shown as curves, spectrogram"):
            picture(tones, 0, kind, width=10)
    with pytest.raises(OptionError, match="There is no sequence 2"):
        picture(tones, 2, "spectrogram", width=10)
    with pytest.raises(OptionError, match="`width` is 0"):
        picture(tones, 0, "spectrogram", width=0)
    for index in ([], [0] * 101):
        with pytest.raises(OptionError, match="expected 1 to 100"):
            sound(tones, index)
    with pytest.raises(OptionError, match="There is no sequence 2"):
        sound(tones, [0, 2])
    long = opened(Dataset([np.zeros((LONGEST + 1, 1), np.uint8)], ["a"], rate_hz=8000))
    with pytest.raises(OptionError, match="too long to be played here.*segue listen"):
        sound(long, [0])


def test_sounds_alone_joined_and_mixed(tones: OpenData) -> None:
    rate, samples = wavfile.read(BytesIO(sound(tones, [1]).to_bytes()))
    assert rate == 8000
    np.testing.assert_allclose(samples / 32767, tones.data.x[1][:, 0], atol=1e-4)
    assert len(sound(tones, [0, 1]).samples) == 16000 + 2000  # a pause between them
    assert len(sound(tones, [0, 1], mix=True).samples) == 8000


def test_addresses_give_parts_of_a_sound_and_no_more(project: Project) -> None:
    """What a player asks for; and whatever else stands in an address."""
    pytest.importorskip("nicegui", reason="the extra `studio` is not installed")
    from segue.studio.pages.addresses import asked_bytes, numbers, opened_of

    assert asked_bytes("bytes=0-", 10) == (0, 10)
    assert asked_bytes("bytes=4-99", 10) == (4, 10)
    for header in ("bytes=10-", "bytes=3-2", "bytes=-0", "bytes=1-2,4-5", "lines=1-2", "bytes=²-"):
        assert asked_bytes(header, 10) is None
    for words in ("", "-1", "1,,2", "1;2", "../1", "9" * 20):
        with pytest.raises(OptionError, match="expected whole numbers"):
            numbers(words)
    with pytest.raises(OptionError, match="No data are open"):
        opened_of(project, "open")
    write(synth.waves(10, test=0, length=5), project.folder / "waves")
    assert opened_of(project, "open" if project.open("waves") else "") is project.opened
