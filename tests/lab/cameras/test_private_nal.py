import pytest

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.canary import CanaryMint
from transcoder.lab.cameras.private_nal import KINDS, access_unit_delimiter, private_nal_unit, sei


def test_sei_syntax() -> None:
    # H.264 section 7.3.2.3.1: header 06, last_payload_type_byte, last_payload_size_byte, payload, trailing bits
    assert sei(Codec.H264, 229, b"abc").hex() == "06e50361626380"
    # H.265 section 7.3.1.2: type 39 or 40, layer 0, temporal id plus 1 of 1
    assert sei(Codec.H265, 5, b"abc").hex() == "4e01050361626380"
    assert sei(Codec.H265, 5, b"abc", suffix=True).hex() == "5001050361626380"


def test_access_unit_delimiter() -> None:
    assert access_unit_delimiter(Codec.H264).hex() == "09f0"  # primary_pic_type 7, stop bit
    assert access_unit_delimiter(Codec.H265).hex() == "460150"  # pic_type 2, stop bit


def test_captions_are_atsc_a53() -> None:
    unit = private_nal_unit(Codec.H264, "sei_captions", CanaryMint("1"))
    assert unit[:1].hex() == "06"
    assert unit[1] == 4
    assert unit[3:10] == bytes.fromhex("b50031") + b"GA94"
    assert unit[10] == 3
    assert unit[11] == 0x40 | 8  # process_cc_data_flag, eight triplets
    assert unit[2] == len(unit) - 4


def test_malformed_user_data_lies_about_its_size() -> None:
    unit = private_nal_unit(Codec.H265, "sei_malformed", CanaryMint("1"))
    assert unit[:5].hex() == "4e01050030"


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_canaries_need_no_emulation_prevention(kind: str, codec: Codec) -> None:
    mint = CanaryMint("2")
    unit = private_nal_unit(codec, kind, mint)
    assert mint.all()[0].value in unit
    assert not any(bytes((0, 0, low)) in unit for low in range(4))
    assert unit[-1] != 0
