# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# QEMU's command line for an emulated host.  Uses what tests/lab/host parsed.
#
# The lab's own devices are functions of one slot, on powernv in pcie.5, so
# that pcie.0 to pcie.4 are free for the devices of a test.

is_power()
{
	[[ "$machine" == powernv* ]] || [ "$machine" = pseries ]
}

# The host's time is ours: on a busy machine its CPUs stand still for seconds, which is no
# lockup yet.
patience="watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
# With instruction counting the clock jumps over what this machine needs for a file.
more_patience="sysctl.kernel.hung_task_timeout_secs=0"

kernel_command_line()
{
	local console

	case $machine in
	arm64)	console=ttyAMA0 ;;
	amd64)	console="ttyS0 intel_iommu=on no_timer_check" ;;
	*)	console=hvc0 ;;
	esac
	echo "console=$console loglevel=5 oops=panic panic=1 $patience ${icount:+$more_patience} ${peer:+lab.peer} ${native:+lab.native} $append"
}

# Function $1 of the lab's slot, as properties of a device.
lab_slot()
{
	case $machine in
	powernv*)	echo "bus=pcie.5,addr=0.$1,multifunction=on" ;;
	pseries)	echo "bus=pci.0,addr=1.$1,multifunction=on" ;;
	*)		echo "bus=pcie.0,addr=1d.$1,multifunction=on" ;;
	esac
}

# Debian 12 has QEMU 7.2.
needs_newer_qemu()
{
	[ -n "$newer_qemu" ] && [ -z "${PVMM_QEMU:-}" ] &&
		! qemu-system-ppc64 --version | grep -q 'version [1-9][0-9]'
}

# The emulator: $PVMM_QEMU, the system's, or a newer one with its own libraries.
find_qemu()
{
	local dir=$build/packages/qemu triplet

	case $machine in
	arm64)	qemu_arguments=(qemu-system-aarch64); return ;;
	amd64)	qemu_arguments=(qemu-system-x86_64); return ;;
	esac
	qemu_arguments=("${PVMM_QEMU:-qemu-system-ppc64}")
	if needs_newer_qemu; then
		triplet=$(basename "$dir"/usr/lib/*-linux-gnu)
		qemu_arguments=(env "QEMU_MODULE_DIR=$dir/usr/lib/$triplet/qemu"
			"$(echo "$dir"/lib64/ld-linux-*.so.2)"
			--library-path "$dir/lib/$triplet:$dir/usr/lib/$triplet"
			"$dir/usr/bin/qemu-system-ppc64" -L "$dir/usr/share/qemu" -L "$dir/usr/share/skiboot")
	fi
}

machine_arguments()
{
	find_qemu
	qemu_arguments+=(-nodefaults -no-user-config -no-reboot
		-display none -monitor none -serial "file:$run/console" -m "$memory")
	if [ -n "$icount" ]; then
		qemu_arguments+=(-icount "shift=0,sleep=off" -smp 1)
	else
		qemu_arguments+=(-accel "tcg,thread=multi" -smp "$cpus")
	fi
	case $machine in
	powernv*)	powernv_arguments ;;
	*)		"${machine}_arguments" ;;
	esac
	qemu_arguments+=(-kernel "$(readlink -f "$build/packages/kernel-6.12-$flavour/vmlinux")"
		-initrd "$lab/boot-$flavour/initramfs" -append "$(kernel_command_line)")
	channel_arguments
	serve_arguments 1 share "$run/share"
	serve_arguments 2 root "$lab/host-$flavour" ,readonly=on
	if [ -n "$peer" ]; then
		serve_arguments 3 peer "$build/packages/peer" ,readonly=on
	fi
	if [ -n "$native" ]; then
		serve_arguments 4 native "$build/packages/native" ,readonly=on
	fi
	qemu_arguments+=("${qemu_extra[@]}")
}

pseries_arguments()
{
	qemu_arguments+=(-cpu POWER10 -machine
		"pseries,x-vof=on,cap-nested-hv=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off")
}

# The firmware spends a second on each PHB, so have only those that are used.
powernv_arguments()
{
	local index

	qemu_arguments+=(-machine "$machine"
		-device "ipmi-bmc-sim,id=lab-bmc" -device "isa-ipmi-bt,bmc=lab-bmc,irq=10")
	for index in 0 1 2 3 4 5; do
		if [ "$index" = 5 ] || [[ " ${qemu_extra[*]} " == *[=,]"pcie.$index"[\ ,]* ]]; then
			qemu_arguments+=(-device "pnv-phb,chip-id=0,index=$index,id=phb$index"
				-device "pnv-phb-root-port,bus=phb$index,id=pcie.$index")
		fi
	done
}

# The GICv3 has an ITS, and the IOMMU is a SMMUv3.
arm64_arguments()
{
	qemu_arguments+=(-machine "virt,virtualization=on,gic-version=3,iommu=smmuv3" -cpu cortex-a72)
	port_arguments
}

# VT-d, with interrupt remapping.  Emulated like the others, also where there is KVM, so that
# it is the same machine everywhere.
amd64_arguments()
{
	qemu_arguments+=(-machine q35 -cpu max -device "intel-iommu,intremap=on")
	port_arguments
}

# A root port for each of the tests' buses pcie.0 to pcie.4.  These machines have a pcie.0
# of their own, the root bus, so that the ports get another name.
port_arguments()
{
	local index

	for index in 0 1 2 3 4; do
		qemu_arguments+=(-device
			"pcie-root-port,bus=pcie.0,addr=$((index + 10)),chassis=$index,id=port.$index")
	done
	qemu_extra=("${qemu_extra[@]//bus=pcie./bus=port.}")
}

channel_arguments()
{
	qemu_arguments+=(-device "virtio-serial-pci,id=lab-serial,$(lab_slot 0)")
	if [ -n "$terminal" ]; then
		# Ctrl-A is for the command, which may well be pvmm: QEMU takes Ctrl-].
		qemu_arguments+=(-echr 0x1d -chardev "stdio,id=lab-channel,signal=off,mux=on"
			-device "virtconsole,bus=lab-serial.0,chardev=lab-channel,name=lab")
	else
		qemu_arguments+=(-chardev "file,id=lab-channel,path=$run/output"
			-device "virtserialport,bus=lab-serial.0,chardev=lab-channel,name=lab")
	fi
}

# serve_arguments FUNCTION TAG FOLDER [OPTIONS]: a folder that the host mounts.
serve_arguments()
{
	qemu_arguments+=(-fsdev "local,id=lab-$2,path=$3,security_model=none${4:-}"
		-device "virtio-9p-pci,fsdev=lab-$2,mount_tag=$2,$(lab_slot "$1")")
}
