"""Each payload format has one file with everything that the product knows of the format; this is their registry.

To add a format: write its file, name it here, and name its FFmpeg decoder in media/decoder.py.
"""

from transcoder.formats import h264, h265, jpeg, mpeg4, mpeg4_generic, opus, sampled_audio
from transcoder.formats.audio_format import AudioPayloadFormats
from transcoder.formats.video_format import VideoPayloadFormats

VIDEO = VideoPayloadFormats((h264.FORMAT, h265.FORMAT), (mpeg4.FORMAT,), (jpeg.FORMAT,))
"""The video formats in the order of preference; FLIR offers H.264 behind MPEG-4 in one media."""
AUDIO = AudioPayloadFormats(
    sampled_audio.G711, sampled_audio.G726, sampled_audio.G722, sampled_audio.L16, mpeg4_generic.FORMAT, opus.FORMAT
)
