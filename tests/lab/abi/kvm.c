// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm NUMBER DEVICE [TEST]...: what DEVGROUP_BIND_KVM gives to whom: KVM finds the group's windows
 * by it, and nobody anything else. The test "hold" binds KVM, prints "held", and waits to be
 * killed; "gone" and "asked" wait until the device is gone. "left" does so, too, but its KVM stays
 * until /tmp/ended is there, and its file of the group until /tmp/closed is.
 */
#include "abi.h"

#include <linux/kvm.h>

#define WINDOW_SIZE (1ULL << 30)
#define PAGE_SHIFT 12
#define LIOBN 0x80000000U
#define KVM_HV 1		/* KVM_VM_PPC_HV */

static const char *number, *name;
static int group;

/* A VM with a TCE table like the group's window, and its VFIO device. */
static struct vm {
	int kvm, vm, table, device;
} vm;

static int bind_kvm(void)
{
	ARGUMENT(devgroup_command, bind);

	return ioctl(group, DEVGROUP_BIND_KVM, &bind);
}

static int ask_for_window(void)
{
	ARGUMENT(devgroup_create_window, window, .page_shift = PAGE_SHIFT, .size = WINDOW_SIZE);

	return ioctl(group, DEVGROUP_CREATE_WINDOW, &window);
}

static void create_window(void)
{
	CHECK(!ask_for_window());
}

static void create_vm(void)
{
	struct kvm_create_spapr_tce_64 table = {
		.liobn = LIOBN, .page_shift = PAGE_SHIFT, .size = WINDOW_SIZE >> PAGE_SHIFT,
	};
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm.vm = ioctl(vm.kvm, KVM_CREATE_VM, KVM_HV);
	vm.table = ioctl(vm.vm, KVM_CREATE_SPAPR_TCE_64, &table);
	CHECK(vm.kvm >= 0 && vm.vm >= 0 && vm.table >= 0);
	CHECK(!ioctl(vm.vm, KVM_CREATE_DEVICE, &device));
	vm.device = device.fd;
}

static void destroy_vm(void)
{
	close(vm.device);
	close(vm.table);
	close(vm.vm);
	close(vm.kvm);
}

static int set_file(uint64_t attribute, void *value)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP, .attr = attribute, .addr = (uintptr_t)value,
	};

	return ioctl(vm.device, KVM_SET_DEVICE_ATTR, &attr);
}

static int attach(int file)
{
	struct kvm_vfio_spapr_tce attach = { .groupfd = file, .tablefd = vm.table };

	return set_file(KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &attach);
}

static void command(unsigned long call, uint32_t flags)
{
	ARGUMENT(devgroup_command, command, .flags = flags);

	CHECK(!ioctl(group, call, &command));
}

static void give_to_kvm(void)
{
	int file = bind_kvm();

	CHECK(file >= 0);
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_ADD, &file));
	CHECK(!attach(file));
	close(file);
}

/* KVM has the window still, and no file. */
static void take_file_from_kvm(void)
{
	int file = bind_kvm();

	command(DEVGROUP_UNBIND_KVM, 0);
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_DEL, &file));
	close(file);
}

/* The IOMMU group of the device. */
static void iommu_group_path(const char *folder, char *path, size_t size)
{
	char link[256], target[256] = "";

	abi_path(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", name);
	CHECK(readlink(link, target, sizeof(target) - 1) > 0);
	CHECK(snprintf(path, size, "%s%s", folder, strrchr(target, '/')) < (int)size);
}

static bool is_known_to_vfio(void)
{
	char path[512];

	iommu_group_path("/dev/vfio", path, sizeof(path));
	return !access(path, F_OK);
}

static void test_arguments(void)
{
	ARGUMENT(devgroup_command, bind);
	int first, again;

	bind.argsz--;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_BIND_KVM, &bind));
	bind.argsz++;
	bind.flags = 1;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_BIND_KVM, &bind));
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_UNBIND_KVM, &bind));
	CHECK_ERROR(EFAULT, ioctl(group, DEVGROUP_BIND_KVM, NULL));
	/* As nothing is shown, nothing changes. */
	command(DEVGROUP_UNBIND_KVM, 0);
	CHECK(!is_known_to_vfio());
	first = bind_kvm();
	again = bind_kvm();
	CHECK(first >= 0 && again >= 0);
	CHECK_EQUAL(fcntl(first, F_GETFD), FD_CLOEXEC);
	CHECK(is_known_to_vfio());
	close(first);
	close(again);
}

/* The file opens no device and takes no container, and nobody else has one. */
static void test_doors(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int file = bind_kvm(), container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	char path[512];

	CHECK(file >= 0 && container >= 0);
	CHECK_ERROR(EPERM, ioctl(file, VFIO_GROUP_GET_DEVICE_FD, name));
	CHECK(ioctl(file, VFIO_GROUP_SET_CONTAINER, &container) < 0);
	CHECK(errno == EPERM || errno == EBUSY);
	CHECK_ERROR(EPERM, ioctl(file, VFIO_GROUP_GET_DEVICE_FD, name));
	CHECK(!ioctl(file, VFIO_GROUP_GET_STATUS, &status));
	CHECK_EQUAL(status.flags, 0);
	iommu_group_path("/dev/vfio", path, sizeof(path));
	CHECK_ERROR(EBUSY, open(path, O_RDWR));
	close(container);
	close(file);
}

/* KVM finds the window, but none that is not there or not shown. */
static void test_kvm(void)
{
	int file = bind_kvm();

	create_vm();
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_ADD, &file));
	CHECK_ERROR(EINVAL, attach(file));
	command(DEVGROUP_UNBIND_KVM, 0);
	create_window();
	CHECK_ERROR(EINVAL, attach(file));
	close(bind_kvm());
	CHECK(!attach(file));
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_DEL, &file));
	CHECK_ERROR(ENOENT, attach(file));
	close(file);
	give_to_kvm();
	destroy_vm();
}

static void test_frozen(void)
{
	int file = bind_kvm();

	create_vm();
	create_window();
	command(DEVGROUP_FREEZE, 0);
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_ADD, &file));
	CHECK_ERROR(EINVAL, attach(file));
	command(DEVGROUP_UNBIND_KVM, 0);
	command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA);
	CHECK_ERROR(EINVAL, attach(file));
	close(bind_kvm());
	CHECK(!attach(file));
	/* What KVM has found, it lets go of in any state. */
	command(DEVGROUP_FREEZE, 0);
	CHECK(!set_file(KVM_DEV_VFIO_GROUP_DEL, &file));
	command(DEVGROUP_RESET, 0);
	close(file);
	destroy_vm();
}

/* The group ends before its KVM, and is nobody's until that ends. */
static void test_outlived(void)
{
	create_vm();
	create_window();
	give_to_kvm();
	close(group);
	CHECK(!is_known_to_vfio());
	CHECK(abi_state_is(number, "in-use"));
	CHECK_ERROR(EBUSY, abi_open_group(number));
	destroy_vm();
	group = abi_open_group(number);
	CHECK(group >= 0);
}

/* Without the file KVM is in nobody's way, whatever it has of a window that there was. */
static void test_file_taken(void)
{
	create_vm();
	create_window();
	give_to_kvm();
	take_file_from_kvm();
	close(group);
	group = abi_open_group(number);
	CHECK(group >= 0);
	create_window();
	destroy_vm();
}

/* In an LPAR, where it would have the next window. */
static void test_table_taken(void)
{
	create_vm();
	create_window();
	give_to_kvm();
	take_file_from_kvm();
	close(group);
	CHECK(abi_state_is(number, "in-use"));
	CHECK_ERROR(EBUSY, abi_open_group(number));
	destroy_vm();
	CHECK(abi_state_is(number, "claimed"));
	group = abi_open_group(number);
	CHECK(group >= 0);
	create_window();
}

/* As does who keeps the file alone, which is of no use. */
static void test_kept(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int file = bind_kvm();

	close(group);
	CHECK_ERROR(EBUSY, abi_open_group(number));
	CHECK_ERROR(ENODEV, ioctl(file, VFIO_GROUP_GET_STATUS, &status));
	CHECK(ioctl(file, VFIO_GROUP_GET_DEVICE_FD, name) < 0);
	close(file);
	group = abi_open_group(number);
	CHECK(group >= 0);
}

static unsigned int steps_left(void)
{
	FILE *file = fopen("/sys/module/devgroups/parameters/fail_step", "r");
	unsigned int left;

	CHECK(file && fscanf(file, "%u", &left) == 1);
	fclose(file);
	return left;
}

/* Each step fails in turn, after which VFIO knows no more than before, and the next try works. */
static void test_failing(void)
{
	unsigned int step = 0;
	char text[16];
	int file;

	do {
		CHECK(snprintf(text, sizeof(text), "%u", ++step) < (int)sizeof(text));
		abi_write_file("/sys/module/devgroups/parameters/fail_step", text);
		file = bind_kvm();
		CHECK((file < 0) == !steps_left());
		CHECK_EQUAL(is_known_to_vfio(), file >= 0);
	} while (file < 0);
	abi_write_file("/sys/module/devgroups/parameters/fail_step", "0");
	close(file);
	printf("%u steps can fail\n", step - 1);
	CHECK(step - 1 >= 4);
}

static void test_hold(void)
{
	create_vm();
	create_window();
	give_to_kvm();
	printf("held\n");
	pause();
}

/* The device is unplugged while KVM has its window. */
static void lose_device(void)
{
	ARGUMENT(devgroup_set_event, event, .event = DEVGROUP_EVENT_REQUEST,
		 .fd = eventfd(0, 0));
	uint64_t count;
	int file;

	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	create_vm();
	create_window();
	give_to_kvm();
	take_file_from_kvm();
	printf("held\n");
	CHECK_EQUAL(read(event.fd, &count, sizeof(count)), sizeof(count));
	while ((file = bind_kvm()) >= 0)
		close(file);
	CHECK_EQUAL(errno, ENODEV);
}

static void wait_for(const char *path)
{
	while (access(path, F_OK))
		usleep(10000);
}

/* In an LPAR the next group of the device is to have no window meanwhile ("busy"). */
static void test_left(void)
{
	lose_device();
	wait_for("/tmp/closed");
	close(group);
	wait_for("/tmp/ended");
	destroy_vm();
}

static void test_busy(void)
{
	CHECK_ERROR(EBUSY, ask_for_window());
	CHECK_ERROR(EBUSY, ask_for_window());
}

/* Nobody waits, and what KVM has can end. */
static void test_gone(void)
{
	lose_device();
	destroy_vm();
	printf("gone\n");
}

/* The same while KVM has the file, too: its user takes it away when asked. */
static void test_asked(void)
{
	ARGUMENT(devgroup_set_event, event, .event = DEVGROUP_EVENT_REQUEST,
		 .fd = eventfd(0, 0));
	uint64_t count;

	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	create_vm();
	create_window();
	give_to_kvm();
	printf("held\n");
	CHECK_EQUAL(read(event.fd, &count, sizeof(count)), sizeof(count));
	destroy_vm();
	printf("gone\n");
}

static const struct abi_test tests[] = {
	{ "arguments", test_arguments, false },
	{ "doors", test_doors, false },
	{ "kvm", test_kvm, false },
	{ "frozen", test_frozen, false },
	{ "outlived", test_outlived, false },
	{ "file_taken", test_file_taken, false },
	{ "kept", test_kept, false },
	{ "failing", test_failing, false },
	{ "table_taken", test_table_taken, true },
	{ "left", test_left, true },
	{ "busy", test_busy, true },
	{ "hold", test_hold, true },
	{ "gone", test_gone, true },
	{ "asked", test_asked, true },
};

static void run(const struct abi_test *test)
{
	group = abi_open_group(number);
	CHECK(group >= 0);
	test->run();
	close(group);
}

int main(int argc, char **argv)
{
	CHECK(argc >= 3);
	number = argv[1];
	name = argv[2];
	abi_run(tests, ARRAY_SIZE(tests), argc, argv, run);
	return 0;
}
