#!/bin/sh
# Prints what the rules of camera-egress.nft have dropped, for the textfile collector of Prometheus' node_exporter.
# A timer runs it: see transcoder-camera-counters.timer.
set -eu
nft list counters table inet transcoder_cameras | awk '
  $1 == "counter" { name = $2 }
  $1 == "packets" { packets[name] = $2 }
  END {
    metric = "transcoder_camera_network_dropped_packets_total"
    print "# HELP " metric " Packets that the rules for the network of the cameras dropped"
    print "# TYPE " metric " counter"
    for (name in packets) print metric "{reason=\"" name "\"} " packets[name]
  }'
