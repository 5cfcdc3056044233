#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guest kernels of different versions and page sizes on one kind of host, each
# with a group, and its CPUs used.
#
# usage: guests.sh MACHINE HOST_PAGE_SIZE MMU IRQCHIP "GUEST..." "CPUS..."
# MMU is radix, or hash: a host started without radix, and guests with it.

. "$(dirname "$0")/lib/guests.sh"

page_size=$2 mmu=$3 irqchip=$4 guests=$5 cpus=$6

use_machine "$1"
add_nvme n0 pcie.0 32
if [ "$mmu" = hash ]; then
	host_options+=(--append disable_radix)
fi
run_guests --timeout 1400 '
lspci -D
for guest in '"$guests"'; do
	for cpus in '"$cpus"'; do
		boot 0 "echo cpus=\$(nproc); grep MMU /proc/cpuinfo; echo \$(grep -m1 KernelPageSize /proc/self/smaps)
			lab-disk /dev/nvme0n1; for n in \$(seq 0 \$((\$(nproc) - 1))); do
				taskset \$(printf %x \$((1 << n))) sha256sum /dev/nvme0n1
			done; cat /proc/interrupts" \
			--group $slot0 --irqchip '"$irqchip"' --cpus "$cpus" --verbose
		said "cpus=$cpus" "MMU: '"$mmu"'"
		said_times "$cpus" "'"$(sum_of "$work/n0.raw")"'"
		counted nvme0q1
		case $guest in
		*-4k)	said "KernelPageSize: 4 kB" ;;
		*)	said "KernelPageSize: 64 kB" ;;
		esac
		case '"$irqchip"' in
		auto)	;;
		*)	said "interrupts: '"$irqchip"'" ;;
		esac
	done
done'
