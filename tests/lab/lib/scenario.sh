# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For lab scenarios: describe the host's devices, run a command in a freshly
# booted host, say what is expected of it.  A scenario ends with exit status 0,
# or at the first expectation that is not met with status 1 and the reason.

set -euo pipefail

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lab_build=$lab_dir/../../build/lab
mkdir -p "$lab_build"
work=$(mktemp -d "$lab_build/scenario.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The host that the next run_host boots: its kind, and more options.
machine=powernv9 host_options=()
# What the last run_host gave.
status='' out=$work/out err=$work/err

fail()
{
	echo "FAIL: $*"
	exit 1
}

# Meson's exit status for a test that cannot run here.
skip()
{
	echo "SKIP: $*"
	exit 77
}

# One or more arguments for the host's QEMU.
host_qemu()
{
	local argument

	for argument in "$@"; do
		host_options+=(--qemu-arg "$argument")
	done
}

# Forgets the devices and options of earlier runs.
new_host()
{
	host_options=()
}

# pattern_file FILE MEGABYTES: data of which no two blocks are equal.
pattern_file()
{
	python3 - "$1" "$2" <<-'END'
	import random, sys
	source = random.Random(sys.argv[1].rsplit("/", 1)[-1])
	with open(sys.argv[1], "wb") as disk:
	    for _ in range(int(sys.argv[2])):
	        disk.write(source.randbytes(1 << 20))
	END
}

# sum_of FILE [SKIP_MB MB]: the SHA-256 of a file or of a part of it.
sum_of()
{
	if [ $# = 1 ]; then
		sha256sum <"$1" | cut -d' ' -f1
	else
		dd if="$1" bs=1M skip="$2" count="$3" status=none | sha256sum | cut -d' ' -f1
	fi
}

# Sets $bus to what QEMU calls bus $1. A pseries host has no slots of its own: for each, pcie.N,
# it gets a host bridge.
make_bus()
{
	local index

	bus=$1
	if [ "$machine" = pseries ] && [ "${bus#pcie.}" != "$bus" ]; then
		index=$((${bus#pcie.} + 1))
		host_qemu -device "spapr-pci-host-bridge,index=$index,id=phb$index"
		bus=phb$index.0
	fi
}

# add_nvme NAME BUS MEGABYTES: an NVMe disk on BUS, with patterned data in
# $work/NAME.raw.
add_nvme()
{
	local file=$work/$1.raw bus

	make_bus "$2"
	if [ ! -e "$file" ]; then
		pattern_file "$file" "$3"
	fi
	host_qemu -drive "if=none,id=$1,file=$file,format=raw" \
		-device "nvme,serial=$1,drive=$1,bus=$bus"
}

# add_card NAME MODEL BUS [NETDEV_OPTIONS]: a network card on QEMU's user network,
# where 10.0.2.2 serves the files below $work/tftp by TFTP.
add_card()
{
	local bus

	mkdir -p "$work/tftp"
	make_bus "$3"
	host_qemu -netdev "user,id=$1,tftp=$work/tftp${4:-}" \
		-device "$2,netdev=$1,bus=$bus,romfile="
}

# add_usb_combo BUS: EHCI with two UHCI companions behind a PCIe-to-PCI bridge,
# one group of three functions that have INTx only.  $work/stick.raw is a USB stick.
add_usb_combo()
{
	if [ ! -e "$work/stick.raw" ]; then
		pattern_file "$work/stick.raw" 16
	fi
	host_qemu -device "pcie-pci-bridge,bus=$1,id=br" \
		-device "ich9-usb-ehci1,bus=br,addr=1.7,multifunction=on,id=ehci" \
		-device "ich9-usb-uhci1,bus=br,addr=1.0,multifunction=on,masterbus=ehci.0,firstport=0" \
		-device "ich9-usb-uhci2,bus=br,addr=1.1,multifunction=on,masterbus=ehci.0,firstport=2" \
		-drive "if=none,id=stick,file=$work/stick.raw,format=raw" \
		-device "usb-storage,bus=ehci.0,drive=stick"
}

# run_host [OPTION]... -- COMMAND... runs a command in a host with the devices
# described so far; shows its output and keeps it in $out and $err.
run_host()
{
	echo "== ${*@Q}"
	{
		{
			cd "$work"
			code=0
			"$lab_dir/host" "${host_options[@]}" "$@" </dev/null || code=$?
			echo "$code" >"$work/status"
		} 2>&1 >&3 3>&- | tee "$err" >&2 3>&-
	} 3>&1 | tee "$out"
	status=$(cat "$work/status")
	echo "== status $status"
}

# run_script [OPTION]... SCRIPT runs a shell script, given as text, in a host.
run_script()
{
	local last=$#
	local -a options=("${@:1:last-1}")

	{
		echo 'set -e'
		echo "${!last}"
	} >"$work/script"
	run_host "${options[@]}" --copy-in "$work/script" -- sh /lab/script
}

expect_status()
{
	[ "$status" = "$1" ] || fail "exit status $status, expected $1"
}

# Each argument must occur in the output, as it stands.
expect_output()
{
	local text

	for text in "$@"; do
		grep -a -q -F -e "$text" "$out" || fail "the output has no '$text'"
	done
}

expect_no_output()
{
	local text

	for text in "$@"; do
		! grep -a -q -F -e "$text" "$out" || fail "the output has '$text'"
	done
}

# The same for what the lab itself says.
expect_error()
{
	local text

	for text in "$@"; do
		grep -a -q -F -e "$text" "$err" || fail "the lab did not say '$text'"
	done
}

expect_equal()
{
	[ "$1" = "$2" ] || fail "${3:-values}: $1 is not $2"
}
