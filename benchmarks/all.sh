#!/bin/sh
# The full run: every program, results as JSON, and the tables of docs/performance.md made of them.
#
#   sh benchmarks/all.sh [quick] [NAME...]     NAMEs: see below; default all
#   RESULTS=folder   where the JSON goes (default build/bench)
#   PYTHON=program   default .venv/bin/python
#   RUN=command      put before every program, such as "chrt -r 1" on a machine that is not idle
#   TRANSCODER_TEST_DATA=folder    with real footage in footage/; without it scenes alone are measured
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-.venv/bin/python}
RESULTS=${RESULTS:-build/bench}
RUN=${RUN:-}
rounds=5 seconds=20 soak=1800 frames=100
if [ "${1:-}" = quick ]; then
    rounds=1 seconds=6 soak=120 frames=40
    shift
fi
chosen=$*
mkdir -p "$RESULTS"

# once NAME PROGRAM ARGUMENTS...
once() {
    name=$1 program=$2
    shift 2
    [ -z "$chosen" ] || case " $chosen " in *" $name "*) ;; *) return 0 ;; esac
    echo "== $name" >&2
    $RUN "$PYTHON" -m "benchmarks.$program" "$@" --output "$RESULTS/$name.json" || echo "$name failed" >&2
}

"$PYTHON" -c 'import imageio_ffmpeg' 2>/dev/null || "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable '.[bench]'

once kernels kernels
once ingest ingest --seconds "$seconds"
once quality quality --settings all --frames "$frames"
once capacity capacity --streams 1 --rounds "$rounds" --seconds "$seconds" --match "$frames"
once capacity-night capacity --streams 1 --rounds "$rounds" --seconds "$seconds" --match "$frames" --noise 5
once capacity-h265 capacity --streams 1 --rounds "$rounds" --seconds "$seconds" --codecs h265 --sides gateway
once capacity-sizes capacity --streams 1 --rounds 1 --seconds "$seconds" --sides gateway --grow \
    --sizes 640x360,1280x720,1920x1080,3840x2160
once delay delay --rounds "$rounds" --seconds "$seconds"
once fanout fanout --seconds "$seconds"
street=${TRANSCODER_TEST_DATA:-}/footage/opencv_vtest.avi
parking=${TRANSCODER_TEST_DATA:-}/footage/intel_car-detection.mp4
if [ -f "$street" ]; then
    once capacity-street capacity --source "$street" --fps 10 --streams 2 --rounds "$rounds" --seconds "$seconds" \
        --match "$frames"
fi
if [ -f "$parking" ]; then
    once overhead overhead "$parking" --rounds "$rounds"
fi
once soak soak --seconds "$soak"

"$PYTHON" -m benchmarks.page --results "$RESULTS"
