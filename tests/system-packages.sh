#!/bin/sh
# Installs the programs that the end-to-end tests use. Without root nothing is installed: those tests are skipped then,
# and say what they lack.
set -u
packages="curl ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
gstreamer1.0-plugins-ugly gstreamer1.0-libav gir1.2-gst-rtsp-server-1.0 python3-gi mosquitto mosquitto-clients motion mpv
opencv-doc libseccomp2 systemd procps nftables iproute2 prometheus chromium fonts-dejavu-core"
# what boots whole machines and containers is wanted by `make deploy-check` alone
[ "${1:-}" = deploy ] && packages="$packages systemd-container mmdebstrap buildah podman runc"
command -v dpkg-query >/dev/null || { echo "not a Debian system: tests that need other programs may be skipped"; exit 0; }
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else
  echo "not installed, so tests that need them are skipped (apt-get install$missing)"; exit 0
fi
echo "installing$missing"
$as_root apt-get update -qq || true
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
  echo "apt-get failed; tests that need what is missing are skipped"
exit 0
