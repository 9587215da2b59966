#!/bin/sh
# The full run: every program, results as JSON, and the tables of docs/performance.md made of them.
#   sh benchmarks/all.sh [quick]     RESULTS=folder PYTHON=interpreter ONLY="name name"
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-.venv/bin/python}
RESULTS=${RESULTS:-benchmarks/results}
ONLY=${ONLY:-"kernels ingest quality overhead capacity capacity-night capacity-4 delay fanout soak"}
quick=${1:-}
mkdir -p "$RESULTS"

# once NAME PROGRAM ARGUMENTS...
once() {
    name=$1 program=$2
    shift 2
    case " $ONLY " in *" $name "*) ;; *) return 0 ;; esac
    echo "== $name" >&2
    "$PYTHON" -m "benchmarks.$program" "$@" --output "$RESULTS/$name.json" || echo "$name failed" >&2
}

# full and quick durations
if [ "$quick" = quick ]; then rounds=1 seconds=6 soak=120; else rounds=5 seconds=20 soak=1800; fi
# constant rate factors of equal VMAF, from `quality` (street, at 1080p from `matching`)
gateway_crf=27 ffmpeg_crf=${FFMPEG_CRF:-23} tuned_crf=${TUNED_CRF:-23} gstreamer_crf=${GSTREAMER_CRF:-23}
same="--crf $gateway_crf --ffmpeg-crf $ffmpeg_crf --tuned-crf $tuned_crf --gstreamer-crf $gstreamer_crf"

once kernels kernels --seconds 0.2
once ingest ingest --seconds "$seconds"
once quality quality --settings all
footage=${TRANSCODER_TEST_DATA:-}/footage/opencv_vtest.avi
