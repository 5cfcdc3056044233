#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A network card and an NVMe disk as two groups at once: two PCI domains in the
# guest, data over both at the same time, over the card in both directions. Memory is given back meanwhile.

. "$(dirname "$0")/lib/guests.sh"

add_nvme n0 pcie.0 128
# 10.0.2.100 sends back whatever it gets.
add_card e0 e1000e pcie.1 ",guestfwd=tcp:10.0.2.100:7-cmd:cat"
pattern_file "$work/tftp/data" 8
run_guests --timeout 900 '
boot 0 "set -e; lspci; ip link set eth0 up; udhcpc -q -n -i eth0
	lab-disk /dev/nvme0n1
	sha256sum /dev/nvme0n1 >/tmp/disk & cd /tmp
	tftp -g -r data -b 1428 10.0.2.2; sha256sum data
	dd if=data bs=1M count=4 of=part; nc 10.0.2.100 7 <part |
	head -c 4194304 | cmp - part && echo the echo is right
	wait; cat /tmp/disk /proc/interrupts" \
	--group $slot1 --group "$(folder_of $slot0)"
said "0200: 8086:10d3 e1000e" "0108: 1b36:0010 nvme" "the echo is right"
[ "$(grep -a -o "000[01]:00:00.0 0[12]" "$log" | sort | tr "\n" ";")" = \
	"0000:00:00.0 02;0001:00:00.0 01;" ] || fail "not two domains in the order of --group"
counted eth0
counted nvme0q1

# Memory is wanted back while both have mappings, some made by KVM for one group in memory that the other registered.
launch "ip link set eth0 up; udhcpc -q -n -i eth0; lab-disk /dev/nvme0n1; cd /tmp
	look() { sha256sum /dev/nvme0n1; tftp -g -r data -b 1428 10.0.2.2; sha256sum data; }
	look; echo idle; sleep 20; look" --group $slot1 --group "$(folder_of $slot0)"
wait_for idle
kill -USR2 "$pvmm"
wait_for "of guest memory that was locked is given back"
ended 0
said_times 2 "'"$(sum_of "$work/tftp/data")"'"
said_times 2 "'"$(sum_of "$work/n0.raw")"'"
given=$(sed -n "s/.*DMA: \([0-9]*\) MiB of .*/\1/p" "$log")
[ "$given" -gt 0 ] || fail "nothing is given back"'
expect_output "$(sum_of "$work/tftp/data")" "$(sum_of "$work/n0.raw")"
