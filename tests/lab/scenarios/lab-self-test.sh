#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab itself: output and files come through unharmed, and whatever goes wrong
# in a host is told apart from the command's own failure.

. "$(dirname "$0")/../lib/scenario.sh"

files_and_status()
{
	pattern_file "$work/there" 20
	run_host --timeout 120 --copy-in "$work/there" --copy-out back -- \
		sh -c "cat there there >back; sha256sum <there; echo 'two  words'; exit 7"
	expect_status 7
	expect_output "$(sum_of "$work/there")" 'two  words'
	expect_equal "$(sum_of "$work/back")" \
		"$(cat "$work/there" "$work/there" | sha256sum | cut -d' ' -f1)" "the file copied out"
}

contents()
{
	run_script --timeout 120 --page-size 4k '
		ls -L /guest/vmlinux /guest/initrd /guest/vmlinux-6.1 /guest/vmlinux-6.12-4k
		lsmod | wc -l
		lab-modules
		ls /dev/kvm /dev/vfio/vfio
		modprobe -a nvme e1000e igb xhci-pci ehci-pci uhci-hcd ext4 zram
		lspci -n
		# More output than a pipe holds, and nothing of it may get lost.
		seq 200000 | tail -c 1000000'
	expect_status 0
	expect_output 199999
	expect_equal "$(tail -n 1 "$out")" 200000 "the last line"
}

kernel_warning()
{
	run_host --timeout 120 -- sh -c 'echo "WARNING: made by a test" >/dev/kmsg'
	expect_status 125
	expect_error 'kernel complains' 'WARNING: made by a test'
}

kernel_panic()
{
	run_host --timeout 120 -- sh -c 'echo before; echo c >/proc/sysrq-trigger'
	expect_status 125
	expect_output before
	expect_error 'without a status' 'sysrq triggered crash'
}

time_out()
{
	run_host --timeout 60 -- sh -c 'echo before; sleep 1000'
	expect_status 124
	expect_output before
	expect_error 'time-out'
}

files_and_status
contents
kernel_warning
kernel_panic
time_out
