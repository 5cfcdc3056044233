#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo as a whole, without a terminal: Debian boots from the disk that it was
# handed and proves it over the card that it was handed.

. "$(dirname "$0")/../lib/scenario.sh"

"$lab_dir/../../guests/demo" --batch </dev/null 2>&1 | tr -d '\r' | tee "$out" ||
	fail "the demo failed"
expect_output "/sys/devgroups/0:  0000:01:00.0 " "/sys/devgroups/1:  0001:01:00.0 "
expect_output "== Debian " "lease of 10.0.2.15 obtained" "reboot: Power down" "the demo worked"
sum=$(sed -n 's/^made with: *//p' "$out")
expect_output "read from the disk:  $sum" "over its network card: $sum"
