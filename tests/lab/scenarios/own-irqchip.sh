#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interrupt controller of pvmm's own: a guest drives an NVMe disk and a card by MSI-X and a
# USB stick by a line, takes CPUs off and puts them on again, and goes on. On powernv9 these are
# three groups, the stick behind EHCI. On pseries they are one, a whole bridge, which has I/O
# space: the stick is behind UHCI, which works through its I/O BAR.
#
# Two CPUs stay, and RCU's thread is on the second: see docs/lab.md, "Good to know".
#
# usage: own-irqchip.sh MACHINE IRQCHIP CPUS

. "$(dirname "$0")/lib/guests.sh"

irqchip=$2 cpus=$3
use_machine "$1"

pattern_file "$work/stick.raw" 1
case $machine in
powernv*)
	add_nvme n0 pcie.0 32
	add_card e0 e1000e pcie.1
	add_usb_combo pcie.2
	groups="--group 0000:01:00.0 --group 0001:01:00.0 --group 0002:02:01.7"
	usb=ehci_hcd ;;
pseries)
	host_qemu -device "spapr-pci-host-bridge,index=1,id=phb1"
	add_nvme n0 phb1.0 32
	add_card e0 e1000e phb1.0
	host_qemu -device "piix3-usb-uhci,bus=phb1.0,id=uhci" \
		-drive "if=none,id=stick,file=$work/stick.raw,format=raw" \
		-device "usb-storage,bus=uhci.0,drive=stick"
	groups="--group 0001:00:00.0"
	usb=uhci_hcd ;;
esac
pattern_file "$work/tftp/data" 2
run_guests --timeout 900 '
lspci -D
boot 0 "set -e; lspci; modprobe -a usb-storage sd_mod; ip link set eth0 up; udhcpc -q -n -i eth0
	lab-disk /dev/nvme0n1 /dev/sda; cd /tmp; n=\$((\$(nproc) - 1))
	taskset -p 2 \$(pidof rcu_sched rcu_preempt)
	for state in 0 1; do
		for cpu in \$(seq 2 \$n); do echo \$state >/sys/devices/system/cpu/cpu\$cpu/online; done
		echo online=\$(nproc)
		taskset 1 sha256sum /dev/nvme0n1; tftp -g -r data -b 1428 10.0.2.2; sha256sum data
		dd if=/dev/sda bs=64k iflag=direct | sha256sum
	done
	cat /proc/interrupts" '"$groups"' --irqchip '"$irqchip"' --cpus '"$cpus"' --verbose
said "interrupts: '"$irqchip"'" "online=2" "online='"$cpus"'"
said_times 2 "'"$(sum_of "$work/n0.raw")"'"
said_times 2 "'"$(sum_of "$work/tftp/data")"'"
said_times 2 "'"$(sum_of "$work/stick.raw")"'"
counted nvme0q1
counted eth0
counted '"$usb"'
not_said "nobody cared" "self-detected stall" "soft lockup"'
