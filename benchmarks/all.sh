#!/bin/sh
# The full run: every program, results as JSON, and the tables of benchmarks/results made of them.
#
#   sh benchmarks/all.sh [quick] [NAME...]     NAMEs: see below; default all
#   RESULTS=folder   where the JSON goes (default build/bench)
#   PYTHON=program   default .venv/bin/python
#   TABLES=folder    where the tables go (default benchmarks/results)
#   RUN=command      put before every program, such as "chrt -r 1" on a machine that is not idle
#   TRANSCODER_TEST_DATA=folder    with real footage in footage/; without it scenes alone are measured
#
# On two cores everything but soak takes about 45 minutes, soak 30 more; quick takes 12 and its figures mean nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-.venv/bin/python}
RESULTS=${RESULTS:-build/bench}
RUN=${RUN:-}
rounds=3 seconds=8 soak=1800 frames=40 match=75 sizes=640x360,1280x720,1920x1080,3840x2160@15 idrs=40
if [ "${1:-}" = quick ]; then
    rounds=1 seconds=4 soak=60 frames=20 match=20 sizes=640x360,3840x2160@15 idrs=20
    shift
fi
chosen=$*
street=${TRANSCODER_TEST_DATA:-}/footage/opencv_vtest.avi
parking=${TRANSCODER_TEST_DATA:-}/footage/intel_car-detection.mp4
idr_material=day
if [ -f "$street" ] && [ "$idrs" = 40 ]; then idr_material=day,street; fi
mkdir -p "$RESULTS"

# step NAME ESTIMATE PROGRAM ARGUMENTS...    the estimate is in seconds
step() {
    name=$1 estimate=$2 program=$3
    shift 3
    [ -z "$chosen" ] || case " $chosen " in *" $name "*) ;; *) return 0 ;; esac
    if [ -n "$adding" ]; then
        left=$((left + estimate))
        return 0
    fi
    echo "== $(date +%T) $name: about $((estimate / 60 + 1)) of $((left / 60 + 1)) minutes left" >&2
    $RUN "$PYTHON" -m "benchmarks.$program" "$@" --output "$RESULTS/$name.json" || failed="$failed $name"
    left=$((left - estimate))
}

# sample N: seconds for N measurements of one side; starting, settling and ending take 8
sample() { echo $((($1) * (seconds + 8))); }

plan() {
    step kernels 20 kernels
    step macroblocks 20 macroblocks
    step stages 60 stages --material "$idr_material"
    step ingest $((seconds * 4 + 20)) ingest --seconds "$seconds"
    step quality $((frames * 8)) quality --settings all --frames "$frames"
    step capacity $(($(sample "5 * rounds") + match)) capacity --streams 1 --rounds "$rounds" --seconds "$seconds" \
        --match "$match"
    step capacity-motion $(($(sample "3 * rounds") + match)) capacity --streams 1 --rounds "$rounds" --seconds "$seconds" \
        --match "$match" --profile motion --sides gateway,ffmpeg,ffmpeg-tuned
    # cameras that code the sensor's noise in every macroblock, which no native stream does: the worst case, and no goal
    step capacity-noisy $(($(sample "5 * rounds") + match)) capacity --streams 1 --rounds "$rounds" \
        --seconds "$seconds" --match "$match" --noisy
    # noise takes bits: the cap of all sides is where none reaches it
    step capacity-night $(($(sample "5 * rounds") + 3 * match / 2)) capacity --streams 1 --rounds "$rounds" \
        --seconds "$seconds" --match "$match" --noisy --noise 5 --bitrate-kbps 30000
    step capacity-h265 $(($(sample "3 * rounds") + match)) capacity --streams 1 --rounds "$rounds" \
        --seconds "$seconds" --match "$match" --codecs h265 --sides gateway,ffmpeg,ffmpeg-tuned
    if [ -f "$street" ]; then
        step capacity-street $(($(sample "5 * rounds") + match / 2)) capacity --source "$street" --fps 10 --streams 2 \
            --rounds "$rounds" --seconds "$seconds" --match "$match"
    fi
    # a number of streams is found in three to seven tries
    step capacity-sizes $(($(sample "2 * $(echo "$sizes" | tr , '\n' | wc -l) * (rounds + 4)"))) capacity --streams 1 \
        --rounds "$rounds" --seconds "$seconds" --codecs h264,h265 --sides gateway --grow --sizes "$sizes"
    step delay $(($(sample "4 * (rounds + 1) / 2") + 10 * rounds)) delay --rounds $(((rounds + 1) / 2)) --seconds "$seconds"
    if command -v valgrind >/dev/null; then
        step instructions 150 instructions
    fi
    step fanout $((6 * (seconds + 12))) fanout --seconds "$seconds"
    if [ -f "$parking" ]; then
        step overhead $((rounds * 5 + 5)) overhead "$parking" --rounds "$rounds"
    fi
    step idrs $((12 * idrs)) idrs --material "$idr_material"
    scene="$RESULTS/camera-1920x1080.mp4"
    [ -n "$adding" ] || [ -f "$scene" ] || "$PYTHON" -m benchmarks.material day "$scene"
    step overhead-1080p $((rounds * 9 + 5)) overhead "$scene" --frames 100 --rounds "$((3 * rounds))"
    step renditions $((rounds * 6 + 40)) renditions "$scene" --frames 100 --rounds "$rounds"
    # memory of many streams, at a rate that leaves the machine time
    # a machine that has no time for all pictures encodes IDRs alone
    step memory $(sample 4) memory --seconds "$seconds" --split
    step wall $(sample "3 * rounds") wall --seconds "$seconds" --rounds "$rounds" --walls 1,16
    step viewers $((8 * rounds * (seconds + 3))) viewers --seconds "$seconds" --rounds "$rounds"
    step soak $((soak + 30)) soak --seconds "$soak"
}

"$PYTHON" -c 'import imageio_ffmpeg' 2>/dev/null || "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable '.[bench]'

left=0 failed=
adding=yes
plan
adding=
plan
"$PYTHON" -m benchmarks.tables --results "$RESULTS" ${TABLES:+--tables "$TABLES"}
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
