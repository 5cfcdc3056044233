#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A user's limit for locked memory is smaller than the guest: the guest lives, and its disk works, as
# long as what it has mapped at a time fits; beyond that its driver gets an error, and the
# operator one line with the number that would do, which does.  And memory that no device can
# reach is unlocked on request.

. "$(dirname "$0")/lib/guests.sh"

pattern_file "$work/n0.raw" 40
add_nvme n0 pcie.0 40
run_guests --timeout 900 '
echo nobody:x:65534:65534:nobody:/:/bin/sh >>/etc/passwd
chmod 666 /dev/kvm
nvme=$slot0
number=$(basename "$(lab-group $nvme)")
case $taker in
vfio-pci)	chmod 666 /dev/vfio/vfio
		lab-bind vfio-pci $nvme
		chown 65534 /dev/vfio/$number ;;
devgroups)	chown 65534 /dev/devgroup/$number
		pvmm group claim $number ;;
esac

# limited KIB COMMAND [PVMM_OPTION]...: a guest of a user who may lock so much.
limited()
{
	limit=$1 command=$2
	shift 2
	cat >/tmp/limited <<-END
	exec pvmm --kernel /guest/vmlinux-$guest --initrd /guest/initrd-$guest --group $nvme --verbose \
		--timeout 400 --append "console=hvc0 quiet pvmm.run=\"$command\"" $*
	END
	echo "-- ulimit -l $limit: $(cat /tmp/limited)"
	status=0
	(ulimit -l "$limit" && exec su -s /bin/sh nobody -c "sh /tmp/limited") </dev/null >"$log" 2>&1 ||
		status=$?
	cat "$log"
	[ "$status" = 0 ] || fail "pvmm ended with status $status"
}

# Buffers all over memory, one after another: more than the limit, but not at a time.
reads="lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; dd if=/dev/nvme0n1 iflag=direct bs=64k | sha256sum"
limited 40960 "$reads"
not_said "more guest memory be locked"
# Hardly more than the tables: the guest lives without its disk.
limited 13568 "sleep 10; dmesg | grep -e nvme -e tce_build; echo lives"
said "lives"
not_said "plpar_tce_put failed"
said "probe with driver nvme failed with error -12"
said_times 1 "more guest memory be locked for DMA"
need=$(sed -n "s/.*raise the limit to \([0-9]*\) KiB.*/\1/p" "$log")
# The number is enough for all of it.
limited "$need" "$reads" --dma all
said "100% of guest memory locked"

# Memory is wanted back: what no device can reach now is unlocked, and locked again when needed.
case $taker in devgroups) pvmm group release $number ;; esac
launch "$reads; echo idle; sleep 30; sha256sum /dev/nvme0n1" --group $nvme $claim --tce kvm
wait_for idle
before=$(locked)
kill -USR2 "$pvmm"
wait_for "of guest memory that was locked is given back"
after=$(locked)
echo "locked: $before KiB, then $after KiB"
[ "$after" -lt "$((before / 2))" ] || fail "not even half is given back"
ended 0
'
expect_equal "$(grep -a -c "$(sum_of "$work/n0.raw")" "$out")" 7 "right checksums"
