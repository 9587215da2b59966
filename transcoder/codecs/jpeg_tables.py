"""This module has the tables that RTP does not carry: Huffman tables, and quantisers made from the quality factor Q.

The Huffman tables are the typical ones of T.81. A quantiser is 64 bytes, or 128 where its numbers have 16 bits, in
zigzag order. A Huffman table is 16 counts of codes by length, then the values. DQT and DHT segments hold both kinds
behind their identifiers.

Source: ITU-T T.81 Annex K; RFC 2435 section 4.2.
"""

_LUMA = bytes((
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
))  # fmt: skip
"""Table K.1, row by row."""
_CHROMA = bytes((17, 18, 24, 47, 18, 21, 26, 66, 24, 26, 56, 99, 47, 66, 99, 99))
"""The upper left quarter of table K.2; all the rest is 99."""


def _zigzag() -> tuple[int, ...]:
    """Return the places of a row-by-row block in zigzag order (T.81 figure A.6): along the diagonals, to and fro."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    return tuple(8 * row + column for row, column in cells)


ZIGZAG = _zigzag()


def quantisers(quality: int) -> tuple[bytes, bytes]:
    """Return the luma and the chroma quantiser of a quality factor.

    Args:
        quality: 1..99; a number outside is taken for the nearest one.

    Source: RFC 2435 section 4.2 and appendix A.
    """
    factor = min(max(quality, 1), 99)
    scale = 5000 // factor if factor < 50 else 200 - 2 * factor
    luma = [_LUMA[place] for place in ZIGZAG]
    chroma = [_CHROMA[place // 8 * 4 + place % 8] if place < 32 and place % 8 < 4 else 99 for place in ZIGZAG]
    return _scaled(luma, scale), _scaled(chroma, scale)


def _scaled(table: list[int], scale: int) -> bytes:
    return bytes(min(max((number * scale + 50) // 100, 1), 255) for number in table)


_DC = bytes(range(12))
_LUMA_AC = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
    "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9"
    "aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_CHROMA_AC = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536373839"
    "3a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7"
    "a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)

AC = 0x10
"""The table class of AC coefficients, which stands beside the identifier 0 (luma) or 1 (chroma)."""

HUFFMAN = {
    0: bytes.fromhex("00010501010101010100000000000000") + _DC,
    1: bytes.fromhex("00030101010101010101010000000000") + _DC,
    AC: bytes.fromhex("0002010303020403050504040000017d") + _LUMA_AC,
    AC | 1: bytes.fromhex("00020102040403040705040400010277") + _CHROMA_AC,
}
"""Tables K.3 to K.6, by class and identifier."""
