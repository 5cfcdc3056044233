#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest that reboots starts again in the same process, with its group reset
# and its NVRAM kept; under --no-reboot it ends.

. "$(dirname "$0")/lib/guests.sh"

add_nvme n0 pcie.0 32
run_guests --timeout 600 '
flag="dd if=/dev/nvram bs=1 skip=40000 count=1"
boot 0 "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; if [ x\$($flag) = x1 ]; then echo second boot
	else echo first boot; printf 1 | dd of=/dev/nvram bs=1 seek=40000; reboot -f; fi" \
	--group $slot0 --cpus 2 --verbose
said "first boot" "second boot" "guest reboots"
said_times 2 "pvmm-guest: up"
said_times 2 "'"$(sum_of "$work/n0.raw")"'"
holds none $slot0
launch "lab-disk /dev/nvme0n1; cat /dev/nvme0n1 >/dev/null & sleep 1; reboot -f" --group $slot0 --no-reboot
ended 3
said_times 1 "pvmm-guest: up"
# Many at once, with work in flight: nothing may add up.
launch "reboot -f" --group $slot0
for n in 2 3; do
	until [ "$(grep -a -c "pvmm-guest: up" "$log")" -ge $n ]; do
		kill -0 "$pvmm" && usleep 100000
	done
done
ls "/proc/$pvmm/fd" | wc -l >/tmp/before
until [ "$(grep -a -c "pvmm-guest: up" "$log")" -ge 5 ]; do
	kill -0 "$pvmm" && usleep 100000
done
ls "/proc/$pvmm/fd" | wc -l | cmp - /tmp/before || fail "reboots leave files open"
kill -TERM "$pvmm"
ended 2
said "stopped by signal 15"'
