/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as a whole: its device tree, failures at each step, reboot, and two at once. */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"

#define H_SET_MODE 0x31c
#define H_PUT_TCE 0x20

static struct fake_machine fake, other;
static uint8_t tree[1 << 20];

/* The guest's tree, as it is in the guest's memory. */
static void read_tree(struct fake_machine *it)
{
	const struct papr_boot *boot = &it->machine->boot;

	ck_assert_uint_le(boot->fdt_size, sizeof(tree));
	ck_assert_int_eq(guest_memory_read(&it->machine->memory, boot->fdt, tree, boot->fdt_size),
			 0);
	ck_assert_int_eq(fdt_check_full(tree, boot->fdt_size), 0);
}

static const be32 *find(const char *path, const char *name, int *size)
{
	int node = fdt_path_offset(tree, path), length;
	const void *property = node < 0 ? NULL : fdt_getprop(tree, node, name, &length);

	if (property)
		*size = length;
	return property;
}

static uint32_t cell(const char *path, const char *name, unsigned index)
{
	int size = 0;
	const be32 *cells = find(path, name, &size);

	ck_assert_msg(cells && size >= (int)(index + 1) * 4, "%s: no cell %u of %s", path, index,
		      name);
	return be32toh(cells[index]);
}

static const char *text(const char *path, const char *name)
{
	int size;
	const void *property = find(path, name, &size);

	ck_assert_msg(property != NULL, "%s: no %s", path, name);
	return property;
}

static unsigned count_cpus(void)
{
	int cpus = fdt_path_offset(tree, "/cpus"), node;
	unsigned count = 0;

	fdt_for_each_subnode(node, tree, cpus)
		count++;
	return count;
}

START_TEST(test_tree)
{
	static char append[] = "console=hvc0 quiet";
	int size;

	fake_machine_init(&fake, 2);
	fake.config.append = append;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	read_tree(&fake);
	ck_assert_str_eq(text("/", "device_type"), "chrp");
	ck_assert_str_eq(text("/chosen", "bootargs"), append);
	ck_assert_str_eq(text("/chosen", "stdout-path"), "/vdevice/vty@71000000");
	ck_assert_ptr_null(find("/chosen", "linux,initrd-start", &size));
	ck_assert_uint_eq(cell("/memory@0", "reg", 3), FAKE_MACHINE_MEMORY);
	ck_assert_uint_eq(count_cpus(), 2);
	ck_assert_uint_eq(cell("/cpus/PowerPC,POWER9@1", "reg", 0), 1);
	ck_assert_uint_eq(cell("/cpus/PowerPC,POWER9@1", "ibm,ppc-interrupt-server#s", 0), 1);
	ck_assert_uint_eq(cell("/cpus/PowerPC,POWER9@0", "cpu-version", 0), 0x004e1202);
	ck_assert_ptr_null(find("/cpus/PowerPC,POWER9@0", "ibm,pft-size", &size));
	ck_assert_str_eq(text("/hypervisor", "compatible"), "linux,kvm");
	ck_assert_uint_eq(cell("/vdevice/vty@71000000", "interrupts", 0), fake.machine->vty.irq);
	ck_assert_uint_eq(cell("/vdevice/nvram@71000001", "#bytes", 0), PAPR_NVRAM_SIZE);
	ck_assert_str_eq(text("/interrupt-controller@310000030000", "compatible"),
			 "ibm,power-ivpe");
	fake_machine_exit(&fake);
}
END_TEST

/* Tokens, entry, and the reservation that keeps the kernel off what runs there. */
START_TEST(test_tree_rtas)
{
	const struct rtas *rtas;
	uint64_t gpa, size;

	fake_machine_start(&fake, 1);
	rtas = &fake.machine->rtas;
	read_tree(&fake);
	ck_assert_uint_ge(rtas->nr_slots, 15);
	for (unsigned i = 0; i < rtas->nr_slots; i++)
		ck_assert_uint_eq(cell("/rtas", rtas->slots[i].call->name, 0),
				  rtas_token(rtas, rtas->slots[i].call->name));
	ck_assert_uint_eq(cell("/rtas", "linux,rtas-entry", 0), fake.machine->boot.rtas);
	ck_assert_int_eq(fdt_num_mem_rsv(tree), 1);
	ck_assert_int_eq(fdt_get_mem_rsv(tree, 0, &gpa, &size), 0);
	ck_assert_uint_eq(gpa, fake.machine->boot.rtas);
	ck_assert_uint_eq(size, cell("/rtas", "rtas-size", 0));
	fake_machine_exit(&fake);
}
END_TEST

static bool offers(const char *function)
{
	int size = 0;
	const void *functions = find("/rtas", "ibm,hypertas-functions", &size);

	return functions && fdt_stringlist_contains(functions, size, function) == 1;
}

START_TEST(test_tree_lists)
{
	fake_machine_start(&fake, 1);
	read_tree(&fake);
	ck_assert(offers("hcall-tce") && offers("hcall-multi-tce"));
	fake_machine_exit(&fake);
	fake_machine_init(&fake, 1);
	fake.config.tce = TCE_SINGLE;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	read_tree(&fake);
	ck_assert(offers("hcall-tce") && !offers("hcall-multi-tce"));
	fake_machine_exit(&fake);
}
END_TEST

START_TEST(test_tree_hash)
{
	int size;

	fake_machine_init(&fake, 1);
	fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_MMU_RADIX);
	fake.config.irqchip = IRQCHIP_XICS;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	read_tree(&fake);
	ck_assert_uint_eq(cell("/cpus/PowerPC,POWER9@0", "ibm,pft-size", 1), 24);
	ck_assert_ptr_null(find("/cpus/PowerPC,POWER9@0", "ibm,processor-radix-AP-encodings",
				&size));
	ck_assert_str_eq(text("/interrupt-controller", "compatible"), "IBM,ppc-xicp");
	fake_machine_exit(&fake);
}
END_TEST

/* What KVM on a POWER9 host says: 4K, 64K and 16M segments, some with larger pages in them. */
static const struct kvm_ppc_smmu_info power9_pages = {
	.slb_size = 32,
	.sps = {
		{ .page_shift = 12, .slb_enc = 0, .enc = { { 12, 0 }, { 16, 7 }, { 24, 56 } } },
		{ .page_shift = 16, .slb_enc = 0x110, .enc = { { 16, 1 }, { 24, 8 } } },
		{ .page_shift = 24, .slb_enc = 0x100, .enc = { { 24, 0 } } },
	},
};

static void expect_segment_pages(const uint32_t *wanted, size_t count)
{
	const char *cpu = "/cpus/PowerPC,POWER9@0", *name = "ibm,segment-page-sizes";
	int size;

	ck_assert_ptr_nonnull(find(cpu, name, &size));
	ck_assert_uint_eq((size_t)size, count * sizeof(*wanted));
	for (unsigned i = 0; i < count; i++)
		ck_assert_uint_eq(cell(cpu, name, i), wanted[i]);
}

/* Memory of a file with pages of 1 << @page_shift. */
static void give_file(struct fake_machine *it, unsigned page_shift)
{
	struct memory_file *file = &it->vm.memory_file;

	file->fd = memfd_create("memory", MFD_CLOEXEC);
	file->page_shift = page_shift;
	file->used = false;
	ck_assert_int_eq(ftruncate(file->fd, FAKE_MACHINE_MEMORY), 0);
}

/* A page that the host's pages cannot serve is one that KVM refuses to enter. */
START_TEST(test_tree_hash_pages)
{
	static const uint32_t all[] = { 12, 0, 3, 12, 0, 16, 7, 24, 56, 16, 0x110, 2, 16, 1, 24, 8,
					24, 0x100, 1, 24, 0 };
	static const uint32_t served[] = { 12, 0, 2, 12, 0, 16, 7, 16, 0x110, 1, 16, 1 };

	/* The host's own pages, whatever KVM says, and huge ones. */
	for (unsigned real = 0; real < 3; real++) {
		fake_machine_init(&fake, 1);
		if (real == 2)
			give_file(&fake, 24);
		fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_MMU_RADIX);
		fake.kvm.smmu = power9_pages;
		fake.kvm.smmu.flags = real ? KVM_PPC_PAGE_SIZES_REAL : 0;
		ck_assert_int_eq(fake_machine_create(&fake), 0);
		read_tree(&fake);
		if (real == 1)
			expect_segment_pages(served, ARRAY_SIZE(served));
		else
			expect_segment_pages(all, ARRAY_SIZE(all));
		fake_machine_exit(&fake);
		memory_file_close(&fake.vm.memory_file);
	}
}
END_TEST

/* Nothing that tells one host from another. */
START_TEST(test_tree_says_nothing_of_the_host)
{
	static const char *const names[] = { "system-id", "host-serial", "host-model",
					     "ibm,partition-name", "ibm,partition-uuid",
					     "vm,uuid", "serial-number" };
	int size;

	fake_machine_start(&fake, 1);
	read_tree(&fake);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_ptr_null(find("/", names[i], &size));
	ck_assert_str_eq(text("/", "model"), "pvmm PAPR machine");
	fake_machine_exit(&fake);
}
END_TEST

/* No error, and of the warnings only the two that QEMU's pseries tree has as well. */
START_TEST(test_dtc)
{
	char command[256], line[512];
	FILE *dtc;

	fake_machine_init(&fake, 2);
	fake.config.irqchip = _i ? IRQCHIP_XICS : IRQCHIP_XIVE;
	fake.vm.dump_fd = memfd_create("dtb", 0);
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	snprintf(command, sizeof(command), "command -v dtc >/dev/null || exit 0; "
		 "dtc -I dtb -O dts -o /dev/null /proc/%d/fd/%d 2>&1", getpid(), fake.vm.dump_fd);
	dtc = popen(command, "r");
	ck_assert_ptr_nonnull(dtc);
	while (fgets(line, sizeof(line), dtc))
		ck_assert_msg(strstr(line, "(interrupt_provider)") || line[0] == ' ', "%s", line);
	ck_assert_int_eq(pclose(dtc), 0);
	close(fake.vm.dump_fd);
	fake_machine_exit(&fake);
}
END_TEST

/* A dump that cannot be written is the operator's to know. */
START_TEST(test_dump_fails)
{
	static char name[] = "guest.dtb";

	fake_machine_init(&fake, 1);
	fake.config.dump_dtb = name;
	fake.vm.dump_fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(fake_machine_create(&fake), -EIO);
	capture_expect(&fake.capture, "--dump-dtb guest.dtb");
	close(fake.vm.dump_fd);
	fake_machine_exit(&fake);
}
END_TEST

static void break_vcpu(struct fake_machine *it)
{
	it->kvm.fail_vcpu = 2;
}

static void break_hash_table(struct fake_machine *it)
{
	fake_kvm_miss(&it->kvm, KVM_CAP_PPC_MMU_RADIX);
	it->kvm.fail_ioctl = KVM_PPC_ALLOCATE_HTAB;
}

static void break_kernel(struct fake_machine *it)
{
	ck_assert_int_eq(ftruncate(it->vm.kernel.fd, 20), 0);
}

static void break_initrd(struct fake_machine *it)
{
	it->vm.initrd = (struct image_file){ "initrd", memfd_create("initrd", MFD_CLOEXEC),
					     FAKE_MACHINE_MEMORY };
	ck_assert_int_eq(ftruncate(it->vm.initrd.fd, FAKE_MACHINE_MEMORY), 0);
}

/* An initrd that fits, with no room behind it for RTAS and the tree. */
static void break_room(struct fake_machine *it)
{
	break_initrd(it);
	it->vm.initrd.size -= 128 * KIB;
}

static void break_sources(struct fake_machine *it)
{
	it->kvm.fail_set = 2;
}

static void break_memory(struct fake_machine *it)
{
	it->config.memory = 1ULL << 62;
}

static const struct failure_case {
	void (*prepare)(struct fake_machine *it);
	int error;
	const char *message;
} failures[] = {
	{ break_vcpu, -EINVAL, "cannot make 2 vCPUs" },
	{ break_hash_table, -EINVAL, "hash table" },
	{ break_kernel, 0, "vmlinux" },
	{ break_initrd, -EFBIG, "initrd" },
	{ break_room, 0, "--memory" },
	{ break_sources, -EIO, "interrupt" },
	{ break_memory, 0, "guest memory" },
};

/* Nothing is left of a machine that cannot be made: fake_machine_exit() looks. */
START_TEST(test_failures)
{
	const struct failure_case *c = &failures[_i];
	int error;

	fake_machine_init(&fake, 2);
	c->prepare(&fake);
	error = fake_machine_create(&fake);
	ck_assert_int_lt(error, 0);
	ck_assert_int_eq(c->error ? error : 0, c->error);
	ck_assert_ptr_null(fake.machine);
	capture_expect(&fake.capture, c->message);
	if (fake.vm.initrd.fd >= 0)
		close(fake.vm.initrd.fd);
	fake_machine_exit(&fake);
}
END_TEST

/* A new machine in the same VM: of the old one only clock and NVRAM remain, and nothing in a file
 * that is the memory of both. */
START_TEST(test_reboot)
{
	uint32_t none[1];
	uint64_t word;

	fake_machine_init(&fake, 2);
	if (_i)
		give_file(&fake, 24);
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
	ck_assert_int_eq(RTAS(&fake, "set-time-of-day", none, 1, 2000, 1, 1, 0, 0, 0, 0), 0);
	ck_assert_int_eq(guest_memory_write(&fake.machine->memory, 0x100000, "secret", 7), 0);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 1, 4, 0, 0), H_SUCCESS);
	machine_destroy(fake.machine);
	fake.machine = NULL;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
	ck_assert_int_lt(fake.vm.rtc_offset, -86400);
	ck_assert(fake.machine->big_endian_interrupts);
	ck_assert_int_eq(guest_memory_read(&fake.machine->memory, 0x100000, &word, 8), 0);
	ck_assert_uint_eq(word, 0);
	fake_machine_exit(&fake);
	memory_file_close(&fake.vm.memory_file);
}
END_TEST

static void add_group(struct fake_machine *it, struct fake_group *group)
{
	fake_group_init(group, 0);
	fake_add_nvme(group, 1);
	it->vm.groups[0] = &group->group;
	it->vm.nr_groups = 1;
}

static void start(struct fake_machine *it, unsigned cpus, enum irqchip_choice irqchip,
		  struct fake_group *group)
{
	fake_machine_init(it, cpus);
	it->config.irqchip = irqchip;
	add_group(it, group);
	ck_assert_int_eq(fake_machine_create(it), 0);
	ck_assert_int_eq(machine_start(it->machine), 0);
	fake_kvm_wait_idle(&it->kvm, 0);
}

/* Side by side in one process, each with its own everything. */
START_TEST(test_two_machines)
{
	static struct fake_group groups[2];
	uint64_t liobn = PAPR_PHB_LIOBN(0);
	uint32_t none[1];

	start(&fake, 2, IRQCHIP_XIVE, &groups[0]);
	start(&other, 1, IRQCHIP_XICS, &groups[1]);
	read_tree(&other);
	ck_assert_uint_eq(count_cpus(), 1);
	read_tree(&fake);
	ck_assert_uint_eq(count_cpus(), 2);
	ck_assert_int_eq(HCALL(&other, H_PUT_TCE, liobn, 0x1000, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(groups[0].map_calls, 0);
	ck_assert_uint_eq(groups[1].map_calls, 1);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 1, 4, 0, 0), H_SUCCESS);
	ck_assert(other.machine->big_endian_interrupts);
	ck_assert_int_eq(RTAS(&other, "start-cpu", none, 1, 1, 0, 0), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0, 0), RTAS_SUCCESS);
	ck_assert_int_eq(RTAS(&fake, "power-off", none, 1, 0, 0), RTAS_SUCCESS);
	ck_assert_int_eq(other.vm.end, VM_RUNNING);
	fake_machine_exit(&fake);
	/* The other goes on. */
	ck_assert_int_eq(HCALL(&other, H_PUT_TCE, liobn, 0x2000, 0x6003), H_SUCCESS);
	ck_assert_uint_eq(groups[1].map_calls, 2);
	fake_machine_exit(&other);
	ck_assert_uint_eq(groups[1].nr_chunks, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_machine");
	TCase *tests = tcase_create("papr_machine");

	tcase_add_test(tests, test_tree);
	tcase_add_test(tests, test_tree_rtas);
	tcase_add_test(tests, test_tree_lists);
	tcase_add_test(tests, test_tree_hash);
	tcase_add_test(tests, test_tree_hash_pages);
	tcase_add_test(tests, test_tree_says_nothing_of_the_host);
	tcase_add_loop_test(tests, test_dtc, 0, 2);
	tcase_add_test(tests, test_dump_fails);
	tcase_add_loop_test(tests, test_failures, 0, ARRAY_SIZE(failures));
	tcase_add_loop_test(tests, test_reboot, 0, 2);
	tcase_add_test(tests, test_two_machines);
	/* One loads all of a guest's memory. */
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
