"""An archive writes the files that its own configuration names, and no other one of the folder."""

from pathlib import Path

import pytest

from tests.backup.test_archive import manifest_of
from transcoder.backup.archive import write_archive
from transcoder.backup.make import make_backup
from transcoder.backup.manifest import BackupError
from transcoder.backup.restore import restore_backup

USER = "rtsp: {users: {vms: {password_file: %s}}}\n"


def restore(tmp_path: Path, configuration: str, *others: str, content: bytes = b"x") -> Path:
    """Restore an archive with these files, into a folder where each is a file already."""
    contents: dict[str, bytes] = {"config/gateway.yaml": configuration.encode()}
    contents |= {f"config/{name}": content for name in others}
    write_archive(tmp_path / "x.tar", manifest_of(contents), dict(contents))
    home = tmp_path / "home"
    for name in ("gateway.yaml", *others):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("as it was")
    restore_backup(tmp_path / "x.tar", home / "gateway.yaml", None)
    return home


@pytest.mark.parametrize("name", [".bashrc", ".ssh/authorized_keys", "bin/transcoder", "vms.secrets", "s/vms.secret"])
def test_a_file_that_the_configuration_does_not_name_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"config/{name} .*: nothing was changed"):
        restore(tmp_path, USER % "vms.secret", name)
    assert {path.read_text() for path in (tmp_path / "home").rglob("*") if path.is_file()} == {"as it was"}


@pytest.mark.parametrize("configuration", [USER % ".bashrc", 'include: "*"', 'include: ".*"', USER % "'${FILE}'"])
def test_a_hidden_file_is_refused_though_it_is_named(configuration: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"config/\.bashrc is hidden"):
        restore(tmp_path, configuration, ".bashrc")


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        (USER % "vms.secret", "vms.secret"),
        (USER % "./a/../vms.secret", "vms.secret"),
        (USER % "/etc/transcoder/secrets/vms", "secrets/vms"),  # the folder may be another one now
        (USER % "'${SECRETS}/vms'", "vms"),
        (USER % "'${SECRETS}/vms'", "secrets/vms"),
        (USER % "'secrets/${NODE}.vms'", "secrets/gw1.vms"),
        ("http: {tls: {cert_file: gw.crt, key_file: gw.key}}", "gw.crt"),
        ("http: {tls: {cert_file: gw.crt, key_file: gw.key}}", "gw.key"),
        ("mqtt: {tls: {ca_file: ca.pem}}", "ca.pem"),
        ("include: conf.d/*.yaml", "conf.d/a.yaml"),
        ("include: [a.yaml, '/etc/transcoder/conf.d/*.yaml']", "conf.d/a.yaml"),
        ("include: '${SITES}/[ab].yaml'", "sites/a.yaml"),
    ],
)
def test_a_file_that_it_names_is_restored(configuration: str, name: str, tmp_path: Path) -> None:
    home = restore(tmp_path, configuration, name, content=b"{}")
    assert (home / name).read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["conf.d/a.yml", "conf.d/b/a.yaml", "a.yaml"])
def test_a_pattern_names_files_of_its_folder_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"config/{name} is no file that config/gateway.yaml names"):
        restore(tmp_path, "include: conf.d/*.yaml", name)


def test_an_included_file_names_files_too(tmp_path: Path) -> None:
    included = (USER % "conf.d/vms.secret").encode()
    restore(tmp_path, "include: conf.d/*", "conf.d/x.yaml", "conf.d/vms.secret", content=included)
    with pytest.raises(BackupError, match=r"config/vms\.secret is no file"):
        restore(tmp_path, "include: conf.d/*", "conf.d/x.yaml", "vms.secret", content=included)


@pytest.mark.parametrize(("content", "said"), [(b"a: [", "no valid YAML"), (b"\xff", "is not UTF-8 text")])
def test_a_configuration_that_can_not_be_read_restores_nothing(content: bytes, said: str, tmp_path: Path) -> None:
    contents: dict[str, bytes] = {"config/gateway.yaml": content}
    write_archive(tmp_path / "x.tar", manifest_of(contents), dict(contents))
    with pytest.raises(BackupError, match=f"{said}.*: nothing was changed"):
        restore_backup(tmp_path / "x.tar", tmp_path / "gateway.yaml", None)
    assert not (tmp_path / "gateway.yaml").exists()


def test_a_hidden_configuration_goes_where_the_operator_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/.profile").write_text("state_dir: null\nstreams: {}\n")
    make_backup(tmp_path / "site/.profile", tmp_path / "x.tar", secrets=False)
    with pytest.raises(BackupError, match=r"the configuration's name was \.profile"):
        restore_backup(tmp_path / "x.tar", None, None)
    assert not (tmp_path / ".profile").exists()
    restore_backup(tmp_path / "x.tar", tmp_path / "gateway.yaml", None)
    assert (tmp_path / "gateway.yaml").read_text() == "state_dir: null\nstreams: {}\n"


def test_a_backup_leaves_hidden_files_out_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        "state_dir: null\nstreams: {}\nrtsp: {users: {vms: {password_file: .s/vms}}}\n"
    )
    (tmp_path / ".s").mkdir()
    (tmp_path / ".s/vms").write_text("a-password\n")
    made = make_backup(tmp_path / "gateway.yaml", tmp_path / "x.tar", secrets=True)
    assert made.left_out == (str(tmp_path / ".s/vms"),)
    restore_backup(tmp_path / "x.tar", tmp_path / "new" / "gateway.yaml", None)
