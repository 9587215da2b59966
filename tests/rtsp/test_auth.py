"""Basic and Digest: the examples of the RFCs, known answers, and challenges as cameras write them."""

import base64
import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.rtsp.auth import (
    Authenticator,
    Challenge,
    Credentials,
    digest_response,
    parse_challenges,
    parse_parameters,
)

CASES = tomllib.loads((Path(__file__).parents[1] / "data" / "challenges.toml").read_text())["case"]
MUFASA = Credentials(username="Mufasa", password="Circle of Life")
USER = Credentials(username="viewer", password="Test-1234")


def md5(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.md5(data).hexdigest()  # noqa: S324  # the algorithm of RFC 2617


def test_example_of_rfc_7616() -> None:  # section 3.9.1
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        challenge = Challenge(
            scheme="Digest",
            realm="http-auth@example.org",
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            algorithm=algorithm,
            qop=True,
        )
        response = digest_response(
            challenge,
            MUFASA,
            method="GET",
            uri="/dir/index.html",
            nonce_count=1,
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        assert response == expected


def test_example_of_rfc_2617() -> None:  # section 3.5
    challenge = Challenge(
        scheme="Digest", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=True
    )
    response = digest_response(
        challenge,
        Credentials(username="Mufasa", password="Circle Of Life"),
        method="GET",
        uri="/dir/index.html",
        nonce_count=1,
        cnonce="0a4f113b",
    )
    assert response == "6629fae49393a05397450978507c4ef1"


def test_without_qop() -> None:  # RFC 2617 section 3.2.2.1, written out
    challenge = Challenge(scheme="Digest", realm="Login to 0A", nonce="0da8f7b1")
    expected = md5(md5("viewer:Login to 0A:Test-1234") + ":0da8f7b1:" + md5("PLAY:rtsp://192.0.2.7/live"))
    assert digest_response(challenge, USER, method="PLAY", uri="rtsp://192.0.2.7/live") == expected


def test_session_variant() -> None:  # RFC 7616 section 3.4.2: A1 = H(user:realm:password):nonce:cnonce
    challenge = Challenge(scheme="Digest", realm="r", nonce="n", qop=True, session=True)
    first = md5(md5("viewer:r:Test-1234") + ":n:c")
    expected = md5(f"{first}:n:00000002:c:auth:{md5('PLAY:u')}")
    assert digest_response(challenge, USER, method="PLAY", uri="u", nonce_count=2, cnonce="c") == expected


def test_known_answers(vectors: Path) -> None:
    lines = (vectors / "synthetic/digest_known_answers.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert len(rows) >= 7
    for name, *items in rows:
        field = {key: value.strip('"') for key, _, value in (item.partition("=") for item in items)}
        challenge = Challenge(
            scheme="Digest",
            realm=field["realm"],
            nonce=field["nonce"],
            algorithm=field["algorithm"],
            qop=field["qop"] == "auth",
        )
        response = digest_response(
            challenge,
            USER,
            method="DESCRIBE",
            uri=field["uri"],
            nonce_count=int(field.get("nc", "1"), 16),
            cnonce=field.get("cnonce", ""),
        )
        assert response == field["response"], name


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_challenges(case: dict) -> None:
    found = [[c.algorithm, c.realm, c.nonce, c.qop, c.stale] for c in parse_challenges(case["values"])]
    assert found == case["challenges"]


def test_recorded_challenges(vectors: Path) -> None:
    lines = (vectors / "headers/www_authenticate_values.txt").read_text().splitlines()
    values = [line.removeprefix("WWW-Authenticate: ") for line in lines if line and not line.startswith("#")]
    found = [parse_challenges([value]) for value in values]
    assert [len(item) for item in found] == [1] * len(values)
    assert [item[0].algorithm for item in found] == ["BASIC"] + ["MD5"] * 5 + ["SHA-256"]
    assert not any(item[0].stale for item in found)
    assert found[3][0].nonce.isdigit()
    assert found[4][0].opaque == ""


def answer(challenge: str, method: str = "DESCRIBE", uri: str = "rtsp://192.0.2.7/live") -> str:
    authenticator = Authenticator(USER, cnonce="0a4f113b")
    assert authenticator.authorization(method, uri) is None
    assert authenticator.accept(parse_challenges([challenge]))
    return authenticator.authorization(method, uri) or ""


def test_basic_answer() -> None:
    assert answer('Basic realm="x"') == "Basic " + base64.b64encode(b"viewer:Test-1234").decode()


def test_digest_answer_without_qop() -> None:
    value = answer('Digest realm="IP \\"Camera\\"", nonce="77", opaque=""')
    assert value.startswith(
        'Digest username="viewer", realm="IP \\"Camera\\"", nonce="77", uri="rtsp://192.0.2.7/live", '
    )
    fields = parse_parameters(value.removeprefix("Digest "))
    assert set(fields) == {"username", "realm", "nonce", "uri", "response", "opaque"}  # no algorithm, qop, nc, cnonce
    assert "Test-1234" not in value


def test_digest_answer_with_qop_counts() -> None:
    authenticator = Authenticator(USER, cnonce="c")
    authenticator.accept(parse_challenges(['Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256']))
    first = parse_parameters((authenticator.authorization("PLAY", "u") or "")[7:])
    second = parse_parameters((authenticator.authorization("PLAY", "u") or "")[7:])
    assert (first["qop"], first["nc"], first["cnonce"], first["algorithm"]) == ("auth", "00000001", "c", "SHA-256")
    assert second["nc"] == "00000002"
    assert first["response"] != second["response"]


@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("SHA256", "SHA256"),
        ("SHA-256", "SHA-256"),
        ("sha-256", "sha-256"),
        ('"MD5/SHA256"', "SHA256"),
        ('"MD5,SHA-256"', "SHA-256"),
        ('"MD5"', None),
        ("md5", None),
    ],
)
def test_the_algorithm_is_answered_as_it_was_spelled(written: str, answered: str | None) -> None:
    value = answer(f'Digest realm="r", nonce="n", algorithm={written}')
    fields = parse_parameters(value[7:])
    assert fields.get("algorithm") == answered

    def hashed(text: str) -> str:
        return (hashlib.md5 if answered is None else hashlib.sha256)(text.encode()).hexdigest()

    # RFC 7616 section 3.4.1 without qop, as RFC 2617 section 3.2.2.1 has it
    expected = hashed(f"{hashed('viewer:r:Test-1234')}:n:{hashed('DESCRIBE:rtsp://192.0.2.7/live')}")
    assert fields["response"] == expected


def test_a_weaker_algorithm_where_the_stronger_is_refused() -> None:
    """A camera that names both and checks MD5 only: the nonce may be the same, the next answer names MD5."""
    both = ['Digest realm="r", nonce="n", algorithm="MD5/SHA256"', 'Basic realm="r"']
    authenticator = Authenticator(USER, cnonce="c")
    assert authenticator.accept(parse_challenges(both))
    assert "algorithm=SHA256" in (authenticator.authorization("DESCRIBE", "u") or "")
    assert authenticator.accept(parse_challenges(both), refused=True)
    second = parse_parameters((authenticator.authorization("DESCRIBE", "u") or "")[7:])
    assert second["algorithm"] == "MD5"
    assert second["response"] == md5(f"{md5('viewer:r:Test-1234')}:n:{md5('DESCRIBE:u')}")
    # it stays with that, and the password is never sent in clear because a digest was refused
    assert not authenticator.accept(parse_challenges(both), refused=True)
    renewed = [value.replace('"n"', '"m"') for value in both]
    assert authenticator.accept(parse_challenges(renewed))
    assert "algorithm=MD5" in (authenticator.authorization("PLAY", "u") or "")


def test_a_nonce_that_became_old_weakens_nothing() -> None:
    authenticator = Authenticator(USER, cnonce="c")
    assert authenticator.accept(parse_challenges(['Digest realm="r", nonce="n", algorithm="MD5/SHA256"']))
    authenticator.authorization("PLAY", "u")
    stale = parse_challenges(['Digest realm="r", nonce="m", algorithm="MD5/SHA256", stale=true'])
    assert authenticator.accept(stale, refused=True)
    assert "algorithm=SHA256" in (authenticator.authorization("PLAY", "u") or "")


def test_a_realm_in_another_charset_is_answered_with_its_bytes() -> None:
    realm = b"\xc9\xe3\xcf\xf1\xbb\xfa".decode("utf-8", "surrogateescape")  # GBK
    value = answer(f'Digest realm="{realm}", nonce="7"').encode("utf-8", "surrogateescape")
    assert b'realm="\xc9\xe3\xcf\xf1\xbb\xfa"' in value
    secret = md5(b"viewer:\xc9\xe3\xcf\xf1\xbb\xfa:Test-1234")
    assert md5(f"{secret}:7:{md5('DESCRIBE:rtsp://192.0.2.7/live')}").encode() in value


def test_the_same_challenge_again_is_a_refusal() -> None:
    for challenge in ('Digest realm="r", nonce="n"', 'Basic realm="r"'):
        authenticator = Authenticator(USER, cnonce="c")
        assert authenticator.accept(parse_challenges([challenge]))
        authenticator.authorization("PLAY", "u")
        assert not authenticator.accept(parse_challenges([challenge]))


def test_a_stale_or_new_nonce_is_answered() -> None:
    authenticator = Authenticator(USER, cnonce="c")
    assert authenticator.accept(parse_challenges(['Digest realm="r", nonce="n"']))
    authenticator.authorization("PLAY", "u")
    assert authenticator.accept(parse_challenges(['Digest realm="r", nonce="m"']))
    authenticator.authorization("PLAY", "u")
    assert authenticator.accept(parse_challenges(['Digest realm="r", nonce="m", stale=true']))
    assert not authenticator.accept([])


def test_credentials_hide() -> None:
    assert "Test-1234" not in repr(USER)
    assert "Test-1234" not in f"{USER}"


# -- anything ----------------------------------------------------------------------------------------------------------

TEXT = st.one_of(
    st.text(max_size=80),
    st.binary(max_size=80).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.lists(st.sampled_from(["Digest ", "Basic ", 'realm="', 'nonce="a"', ",", '"', "\\", "=", "qop=auth", " "])).map(
        "".join
    ),
)


@given(st.lists(TEXT, max_size=4))
def test_any_challenge(values: list[str]) -> None:
    authenticator = Authenticator(USER, cnonce="c")
    if authenticator.accept(parse_challenges(values)):
        value = authenticator.authorization("DESCRIBE", "rtsp://h/x")
        assert value
        assert "Test-1234" not in value


@pytest.mark.parametrize("piece", ["a", "a ", "a=", 'a="', "=", ",", 'a="\\', "a=b,", ", Digest ", " " * 50 + ","])
def test_work_is_bounded(piece: str, assert_linear: Callable[..., None]) -> None:
    assert_linear(lambda size: piece * (size // len(piece)), parse_parameters, 20_000, at_most_s=0.1)
    assert_linear(
        lambda size: ["Digest " + piece * (4000 // len(piece))] * (size // 4000),
        parse_challenges,
        20_000,
        at_most_s=0.1,
    )
