/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device tree of a PAPR guest: what belongs to the platform itself is written here, the
 * rest by its owners. Bindings: PAPR appendix B and C, and what Linux's arch/powerpc reads.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "devices/papr_eeh_log.h"
#include "vmm/papr/host.h"
#include "vmm/papr/machine.h"

#define RTAS_EVENT_SCAN_RATE 1
#define RNG_SEED_SIZE 32
#define RTAS_SIZE 4096	/* of the blob and of what the kernel keeps free for it */

/* PAPR B.6.2.3, vector 5: what a guest and its firmware would have agreed on. */
enum {
	VEC5_SIZE = 27,
	VEC5_LPAR = 2,		/* byte 2: 0x80 LPAR, 0x40 shared processors, 0x01 MSI */
	VEC5_XIVE = 23,
	VEC5_MMU = 24,		/* 0x40 radix, 0 hash */
	VEC5_RADIX_GTSE = 26,	/* 0x40: the guest may issue TLB invalidations itself */
};

/* A guest without other sources of randomness spins for a second at boot to make some. */
static void add_rng_seed(struct fdt_writer *fdt)
{
	uint8_t seed[RNG_SEED_SIZE];

	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		fdt_bytes(fdt, "rng-seed", seed, sizeof(seed));
}

static void add_chosen(struct machine *machine, struct fdt_writer *fdt)
{
	const struct papr_boot *boot = &machine->boot;
	uint8_t vec5[VEC5_SIZE] = {
		[0] = VEC5_SIZE - 2,
		[VEC5_LPAR] = 0xc1,
		[VEC5_XIVE] = machine->irqchip->ops->vec5,
		[VEC5_MMU] = machine->radix ? 0x40 : 0,
		[VEC5_RADIX_GTSE] = machine->radix ? 0x40 : 0,
	};

	fdt_begin(fdt, "chosen");
	fdt_text(fdt, "bootargs", machine->vm->config->append ? machine->vm->config->append : "");
	if (boot->initrd_size) {
		fdt_u64(fdt, "linux,initrd-start", boot->initrd);
		fdt_u64(fdt, "linux,initrd-end", boot->initrd + boot->initrd_size);
	}
	fdt_text(fdt, "stdout-path", PAPR_VTY_PATH);
	fdt_text(fdt, "linux,stdout-path", PAPR_VTY_PATH);
	fdt_bytes(fdt, "ibm,architecture-vec-5", vec5, sizeof(vec5));
	add_rng_seed(fdt);
	fdt_end(fdt);
}

static void add_memory(struct machine *machine, struct fdt_writer *fdt)
{
	uint64_t size = machine->memory.size;

	fdt_begin(fdt, "memory@0");
	fdt_text(fdt, "device_type", "memory");
	FDT_CELLS(fdt, "reg", 0, 0, FDT_HI(size), FDT_LO(size));
	fdt_end(fdt);
}

/* Bits of ibm,pa-features (PAPR C.6.2) that hold for every processor pvmm runs on. */
static void add_pa_features(struct machine *machine, struct fdt_writer *fdt)
{
	static const struct {
		uint8_t byte, bit;	/* bit 0 is the highest */
	} features[] = {
		{ 0, 0 },	/* MMU */
		{ 0, 1 },	/* floating point */
		{ 0, 2 },	/* SLB */
		{ 0, 3 },	/* run latch */
		{ 0, 6 },	/* no-execute pages */
		{ 1, 2 },	/* cache-inhibited large pages */
		{ 5, 0 },	/* little-endian mode */
	};
	enum { SIZE = 66, RADIX_BYTE = 40 };
	uint8_t attribute[2 + SIZE] = { SIZE, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		attribute[2 + features[i].byte] |= (uint8_t)(0x80 >> features[i].bit);
	if (machine->radix)
		attribute[2 + RADIX_BYTE] |= 0x80;
	fdt_bytes(fdt, "ibm,pa-features", attribute, sizeof(attribute));
}

static void add_radix_pages(struct machine *machine, struct fdt_writer *fdt)
{
	struct kvm_ppc_rmmu_info info = { 0 };
	uint32_t encodings[ARRAY_SIZE(info.ap_encodings)];
	size_t count = 0;

	if (kvm_vm_ioctl(&machine->kvm, KVM_PPC_GET_RMMU_INFO, &info))
		return;
	while (count < ARRAY_SIZE(encodings) && info.ap_encodings[count]) {
		encodings[count] = info.ap_encodings[count];
		count++;
	}
	fdt_cells(fdt, "ibm,processor-radix-AP-encodings", encodings, count);
}

/*
 * Pages of @max_shift at most: with KVM_PPC_PAGE_SIZES_REAL (<linux/kvm.h>) H_ENTER refuses those
 * that are larger than the host's own behind them.
 */
static void add_segment_pages(const struct kvm_ppc_smmu_info *info, unsigned max_shift,
			      struct fdt_writer *fdt)
{
	uint32_t cells[KVM_PPC_PAGE_SIZES_MAX_SZ * (3 + 2 * KVM_PPC_PAGE_SIZES_MAX_SZ)];
	size_t n = 0;

	for (unsigned i = 0; i < KVM_PPC_PAGE_SIZES_MAX_SZ && info->sps[i].page_shift; i++) {
		const struct kvm_ppc_one_seg_page_size *segment = &info->sps[i];
		size_t head = n;

		if (segment->page_shift > max_shift)
			continue;
		cells[n++] = segment->page_shift;
		cells[n++] = segment->slb_enc;
		cells[n++] = 0;
		for (unsigned j = 0; j < KVM_PPC_PAGE_SIZES_MAX_SZ; j++) {
			if (!segment->enc[j].page_shift)
				break;
			if (segment->enc[j].page_shift > max_shift)
				continue;
			cells[n++] = segment->enc[j].page_shift;
			cells[n++] = segment->enc[j].pte_enc;
			cells[head + 2]++;
		}
	}
	fdt_cells(fdt, "ibm,segment-page-sizes", cells, n);
}

static void add_hash_pages(struct machine *machine, struct fdt_writer *fdt)
{
	struct kvm_ppc_smmu_info info = { 0 };

	if (kvm_vm_ioctl(&machine->kvm, KVM_PPC_GET_SMMU_INFO, &info))
		return;
	fdt_u32(fdt, "ibm,slb-size", info.slb_size);
	if (info.flags & KVM_PPC_1T_SEGMENTS)
		FDT_CELLS(fdt, "ibm,processor-segment-sizes", 28, 40, 0xffffffff, 0xffffffff);
	if (!machine->radix)
		FDT_CELLS(fdt, "ibm,pft-size", 0, machine->hash_order);
	add_segment_pages(&info, info.flags & KVM_PPC_PAGE_SIZES_REAL ?
			  machine->memory.page_shift : 63, fdt);
}

static void add_cpu(struct machine *machine, struct fdt_writer *fdt, unsigned index,
		    uint32_t pvr)
{
	fdt_begin(fdt, "PowerPC,%s@%x", machine->cpu_name, index);
	fdt_text(fdt, "device_type", "cpu");
	fdt_u32(fdt, "reg", index);
	fdt_text(fdt, "status", "okay");
	fdt_u32(fdt, "cpu-version", pvr);
	fdt_u32(fdt, "ibm,ppc-interrupt-server#s", index);
	FDT_CELLS(fdt, "ibm,ppc-interrupt-gserver#s", index, 0);
	papr_host_add_fdt(machine->vm->host, fdt);
	fdt_flag(fdt, "64-bit");
	fdt_u32(fdt, "ibm,vmx", 2);
	fdt_u32(fdt, "ibm,dfp", 1);
	fdt_u32(fdt, "ibm,purr", 1);
	fdt_u32(fdt, "ibm,spurr", 1);
	add_pa_features(machine, fdt);
	if (machine->radix)
		add_radix_pages(machine, fdt);
	add_hash_pages(machine, fdt);
	fdt_end(fdt);
}

static void add_cpus(struct machine *machine, struct fdt_writer *fdt)
{
	struct vcpu *boot = vcpus_get(&machine->vcpus, 0);
	struct kvm_sregs sregs = { 0 };

	kvm_vcpu_ioctl(&boot->kvm, KVM_GET_SREGS, &sregs);
	machine->cpu_name = sregs.pvr >> 16 == 0x80 ? "POWER10" : "POWER9";
	fdt_begin(fdt, "cpus");
	fdt_u32(fdt, "#address-cells", 1);
	fdt_u32(fdt, "#size-cells", 0);
	for (unsigned i = 0; i < machine->vcpus.nr_vcpus; i++)
		add_cpu(machine, fdt, i, sregs.pvr);
	fdt_end(fdt);
}

/* The last one: lists of TCEs, which a guest uses for single ones as well when it has them. */
static void add_hypertas(struct fdt_writer *fdt, bool lists)
{
	static const char *const functions[] = {
		"hcall-pft",	  "hcall-term",	 "hcall-dabr",	 "hcall-interrupt",
		"hcall-tce",	  "hcall-vio",	 "hcall-splpar", "hcall-bulk",
		"hcall-set-mode", "hcall-debug", "hcall-multi-tce",
	};

	fdt_texts(fdt, "ibm,hypertas-functions", functions, ARRAY_SIZE(functions) - !lists);
}

static void add_rtas(struct machine *machine, struct fdt_writer *fdt)
{
	uint64_t memory = machine->memory.size;

	fdt_begin(fdt, "rtas");
	add_hypertas(fdt, machine->vm->config->tce != TCE_SINGLE);
	fdt_u32(fdt, "rtas-size", RTAS_SIZE);
	fdt_u32(fdt, "linux,rtas-base", (uint32_t)machine->boot.rtas);
	fdt_u32(fdt, "linux,rtas-entry", (uint32_t)machine->boot.rtas);
	fdt_u32(fdt, "rtas-error-log-max", PAPR_ERROR_LOG_MAX);
	fdt_u32(fdt, "rtas-event-scan-rate", RTAS_EVENT_SCAN_RATE);
	fdt_flag(fdt, "ibm,change-msix-capable");
	fdt_flag(fdt, "ibm,extended-os-term");
	FDT_CELLS(fdt, "ibm,lrdr-capacity", FDT_HI(memory), FDT_LO(memory), 0,
		  256 * MIB, machine->vcpus.nr_vcpus);
	rtas_add_tokens(&machine->rtas, fdt);
	papr_phbs_add_rtas(&machine->phbs, fdt);
	fdt_end(fdt);
}

static void add_vdevice(struct machine *machine, struct fdt_writer *fdt)
{
	fdt_begin(fdt, "vdevice");
	fdt_text(fdt, "device_type", "vdevice");
	fdt_text(fdt, "compatible", "IBM,vdevice");
	fdt_u32(fdt, "#address-cells", 1);
	fdt_u32(fdt, "#size-cells", 0);
	papr_vty_add_fdt(&machine->vty, fdt);
	papr_nvram_add_fdt(fdt);
	fdt_end(fdt);
}

static void add_root(struct machine *machine, struct fdt_writer *fdt)
{
	fdt_begin(fdt, "%s", "");
	fdt_text(fdt, "device_type", "chrp");
	fdt_text(fdt, "model", "pvmm PAPR machine");
	fdt_text(fdt, "compatible", "pvmm,pseries");
	fdt_u32(fdt, "#address-cells", 2);
	fdt_u32(fdt, "#size-cells", 2);
	fdt_u32(fdt, "interrupt-parent", PAPR_IRQCHIP_PHANDLE);
	/* Priority 7 and above are the host's (KVM gives a guest 0 to 6). */
	FDT_CELLS(fdt, "ibm,plat-res-int-priorities", 7, 0xf8);
	add_chosen(machine, fdt);
	fdt_begin(fdt, "hypervisor");
	fdt_text(fdt, "compatible", "linux,kvm");
	fdt_end(fdt);
	add_memory(machine, fdt);
	add_cpus(machine, fdt);
	add_rtas(machine, fdt);
	add_vdevice(machine, fdt);
	machine->irqchip->ops->add_fdt(machine->irqchip, fdt);
	papr_phbs_add_fdt(&machine->phbs, fdt, PAPR_IRQCHIP_PHANDLE);
	fdt_end(fdt);
}

static int dump(struct machine *machine, const struct fdt_writer *fdt)
{
	int fd = machine->vm->dump_fd;
	size_t size = fdt_writer_size(fdt);

	if (ftruncate(fd, 0) == 0 && pwrite(fd, fdt->buffer, size, 0) == (ssize_t)size)
		return 0;
	log_error(machine->vm->log, "--dump-dtb %s: cannot be written; is there room?",
		  machine->vm->config->dump_dtb);
	return -EIO;
}

static int load(struct machine *machine, const struct fdt_writer *fdt)
{
	machine->boot.fdt_size = fdt_writer_size(fdt);
	if (!guest_memory_write(&machine->memory, machine->boot.fdt, fdt->buffer,
				machine->boot.fdt_size))
		return 0;
	log_error(machine->vm->log, "no room for the device tree: give more with --memory");
	return -ENOSPC;
}

int papr_tree_load(struct machine *machine)
{
	struct fdt_writer fdt;
	int error = fdt_writer_init(&fdt);

	if (error)
		return error;
	fdt_reserve_memory(&fdt, machine->boot.rtas, RTAS_SIZE);
	add_root(machine, &fdt);
	error = fdt_writer_finish(&fdt);
	if (error)
		log_error(machine->vm->log, "device tree: %s", strerror(-error));
	if (!error && machine->vm->dump_fd >= 0)
		error = dump(machine, &fdt);
	if (!error)
		error = load(machine, &fdt);
	fdt_writer_exit(&fdt);
	return error;
}
