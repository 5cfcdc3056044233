// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group` on a host made of files, with the group driver and without.
 */
#include "tests/unit/capture.h"
#include "tests/unit/check_json.h"
#include "tests/unit/fake_addresses.h"
#include "tests/unit/fake_sysfs.h"
#include "vmm/cli/group.h"

#define NVME "0001:01:00.0"
#define EHCI "0002:02:01.7"
#define UHCI "0002:02:01.0"
#define CARD "0003:01:00.0"

static struct {
	struct fake_host host;
	char *out;		/* what the last command printed */
	size_t out_size;
	const char *err;	/* what it logged */
} fake;

static void setup(void)
{
	memset(&fake_addresses, 0, sizeof(fake_addresses));
	fake_sysfs_init(&fake.host);
	fake_device(&fake.host, NVME, 1, "0x010802\n", "nvme");
	fake_device(&fake.host, EHCI, 2, "0x0c0320\n", "ehci-pci");
	fake_device(&fake.host, UHCI, 2, "0x0c0300\n", NULL);
	fake_device(&fake.host, "0002:01:00.0", 2, "0x060400\n", "pcieport");
	fake_device(&fake.host, CARD, 3, "0x020000\n", "e1000e");
	fake_device(&fake.host, "0004:01:00.0", 10, "0x060400\n", "pcieport");
}

static void setup_driver(void)
{
	static const unsigned groups[] = {1, 2, 3, 10};

	setup();
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
		fake_devgroup(groups[i]);
}

static void teardown(void)
{
	free(fake.out);
	fake.out = NULL;
	fake_host_exit(&fake.host);
}

/* Runs `pvmm group LINE`; the words of LINE have one space between them. */
static int group(const char *format, ...) PRINTF(1, 2);

static int group(const char *format, ...)
{
	char line[512], *argv[64] = {NULL}, *save = NULL, *word;
	va_list args;
	int argc = 0, status;
	FILE *out;

	strcpy(line, "group ");
	va_start(args, format);
	vsnprintf(line + 6, sizeof(line) - 6, format, args);
	va_end(args);
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	free(fake.out);
	out = open_memstream(&fake.out, &fake.out_size);
	fake_log(&fake.host);
	fake.host.log.verbose = false;
	status = group_command(&fake.host.root, argc, argv, out, &fake.host.log);
	fclose(out);
	fake.err = fake_log(&fake.host);
	return status;
}

static void expect_ok(int status)
{
	ck_assert_msg(status == 0, "status %d: %s", status, fake.err);
	ck_assert_str_eq(fake.err, "");
}

/* One line on standard error with @text in it, and nothing on standard output. */
static void expect_refused(int status, const char *text)
{
	ck_assert_int_eq(status, 1);
	ck_assert_contains(fake.err, text);
	ck_assert_msg(fake_count_lines(fake.err) == 1, "not one line: %s", fake.err);
	ck_assert_str_eq(fake.out, "");
}

/* Of the last output, which is JSON. */
static void expect_json(const char *test)
{
	check_json(fake.out, test);
}

static void expect_driver(const char *bdf, const char *driver)
{
	char now[256];

	driver_of(bdf, now);
	ck_assert_str_eq(now, driver);
}

static void expect_state(unsigned number, const char *state)
{
	expect_ok(group("show %u --json", number));
	ck_assert_contains(fake.out, state);
}

static void mount_disk(void)
{
	static const char disk[] = "sys/devices/pci/" NVME "/nvme/nvme0/nvme0n1";

	fake_file(&fake.host, "259:0\n", "%s/dev", disk);
	fake_link(&fake.host, disk, "sys/class/block/nvme0n1");
	fake_file(&fake.host, "21 20 259:0 / /mnt/\"x\\040y\" rw - ext4 /dev/nvme0n1 rw\n",
		  "proc/self/mountinfo");
}

static void raise_interface(const char *flags)
{
	fake_file(&fake.host, flags, "sys/devices/pci/" CARD "/net/eth0/flags");
	fake_link(&fake.host, "sys/devices/pci/" CARD "/net/eth0", "sys/class/net/eth0");
}

/* VFIO has the group: its device is bound, and a process has the file open. */
static void open_by_vfio(unsigned number, const char *bdf)
{
	char file[64];

	snprintf(file, sizeof(file), "sys/devices/pci/%s/driver", bdf);
	fake_link(&fake.host, "sys/bus/pci/drivers/vfio-pci", "%s", file);
	snprintf(file, sizeof(file), "dev/vfio/%u", number);
	fake_file(&fake.host, "", "%s", file);
	fake_link(&fake.host, file, "proc/4321/fd/7");
	fake_link(&fake.host, "dev/null", "proc/17/fd/7");
	fake_file(&fake.host, "qemu\033system\n", "proc/4321/comm");
	snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/vfio/%u", fake.host.dev, number);
}

START_TEST(test_usage)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"", "no command is given; `pvmm group --help` lists them"},
		{"frob", "group frob: unknown command; `pvmm group --help` lists them"},
		{"--json", "group --json: unknown command"},
		{"list --force", "group list --force: unknown option; `pvmm group list --help`"},
		{"claim 1 --json", "group claim --json: unknown option"},
		{"release 1 --force", "group release --force: unknown option"},
		{"list 1", "1 is one argument too many; write `pvmm group list [--json]`"},
		{"show", "no group is given; write `pvmm group show GROUP [--json]`"},
		{"show 1 2", "2 is one argument too many"},
		{"claim", "no group is given"},
		{"merge 1", "one group is not enough; write `pvmm group merge GROUP GROUP...`"},
		{"apply 1", "1 is one argument too many"},
		{"apply -x", "group apply -x: unknown option"},
		{"show x", "x: no such group; give a group's number, its folder or the PCI"},
		{"show -1", "unknown option"},
		{"show 1x", "1x: no such group"},
		{"show 99", "no group 99 on this host; `pvmm group list` shows"},
		{"show 4294967296", "4294967296: no such group"},
		{"show /", "/: not a group"},
		{"check 0009:01:00.0", "no PCI device 0009:01:00.0 on this host"},
		{"release 99", "no group 99"},
	};

	expect_refused(group("%s", cases[_i].line), cases[_i].text);
	ck_assert_uint_eq(fake_sysfs.writes, 0);
}
END_TEST

START_TEST(test_help)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"--help", "  merge    GROUP GROUP...     make one group of several\n"},
		{"list --help", "Usage: pvmm group list [--json]\n"},
		{"claim --help 1", "  --force "},
		{"check --help", "Exit status: 0 nothing is in the way, 1 something is"},
		{"apply --help", "Usage: pvmm group apply\n"},
	};

	expect_ok(group("%s", cases[_i].line));
	ck_assert_contains(fake.out, cases[_i].text);
	for (char *line = strtok(fake.out, "\n"); line; line = strtok(NULL, "\n"))
		ck_assert_msg(strlen(line) <= 80, "too wide: %s", line);
}
END_TEST

/* What could not be printed is an error. */
START_TEST(test_output_lost)
{
	char name[] = "group", command[] = "list", *argv[] = {name, command, NULL};
	FILE *full = fopen("/dev/full", "w");

	ck_assert_int_eq(group_command(&fake.host.root, 2, argv, full, &fake.host.log), 1);
	ck_assert_contains(fake_log(&fake.host), "standard output takes nothing");
	fclose(full);
}
END_TEST

/* A group by its number, either folder, or the address of a device in it. */
START_TEST(test_names)
{
	static const char *const names[] = {
		"2", "02", UHCI, EHCI, "%s/kernel/iommu_groups/2",
		"%s/bus/pci/devices/" EHCI "/iommu_group", "%s/devgroups/2",
	};
	char name[256];
	const char *at = strstr(names[_i], "%s");

	snprintf(name, sizeof(name), "%s%s", at ? fake.host.sys : "", at ? at + 2 : names[_i]);
	if (strstr(name, "devgroups"))
		fake_devgroup(2);
	expect_ok(group("show %s", name));
	ck_assert_contains(fake.out, "group 2, ");
	ck_assert_contains(fake.out, EHCI "  EHCI USB controller (1b36:0010), driver ehci-pci\n");
	ck_assert_contains(fake.out, UHCI "  UHCI USB controller (1b36:0010), no driver\n");
}
END_TEST

START_TEST(test_list)
{
	fake_file(&fake.host, "", "sys/kernel/iommu_groups/11/devices/serial.1");
	expect_ok(group("list"));
	ck_assert_contains(fake.out, "GROUP  STATE       DEVICE        NAME");
	ck_assert_contains(fake.out, "1      free        " NVME
			   "  NVM Express controller (1b36:0010)         nvme\n");
	ck_assert_contains(fake.out, "2      free        0002:01:00.0");
	ck_assert_contains(fake.out, "                   " UHCI);
	ck_assert_contains(fake.out, "why: isolated from all other devices\n");
	ck_assert_contains(fake.out, "why: not known without the group driver (modprobe devgroups)");
	ck_assert_contains(fake.out, "11     free        serial.1      platform device");
	ck_assert(strstr(fake.out, "\n3 ") < strstr(fake.out, "\n10 "));
	expect_ok(group("list --json"));
	expect_json("[g[\"group\"] for g in j] == [1, 2, 3, 10, 11]");
	expect_json("[d[\"driver\"] for d in j[1][\"devices\"]] == "
		    "[\"pcieport\", None, \"ehci-pci\"]");
	expect_json("j[1][\"reason\"] is None and \"modprobe devgroups\" in j[1][\"reason_missing\"]");
	expect_json("j[0][\"reason\"] == \"isolated from all other devices\" and "
		    "j[0][\"members\"] == [\"1\"] and j[0][\"group_driver\"] is False");
	expect_json("j[4][\"devices\"][0][\"address\"] == \"serial.1\"");
}
END_TEST

START_TEST(test_list_driver)
{
	fake_file(&fake.host, "12 sh \"a\"\033\n", "sys/devgroups/2/owner");
	fake_file(&fake.host, "claimed\n", "sys/devgroups/2/state");
	fake_file(&fake.host, "uhci_hcd\n", "sys/devgroups/2/devices/%s/driver_before", UHCI);
	expect_ok(group("list --json"));
	expect_json("[g[\"group\"] for g in j] == [1, 2, 3, 10]");
	expect_json("j[1][\"state\"] == \"claimed\" and j[1][\"owner\"] == \"12 sh \\\"a\\\"?\"");
	expect_json("j[1][\"reason\"] == \"because\" and j[1][\"capabilities\"] == [\"eeh\", \"ddw\"]");
	expect_json("j[1][\"dma_windows\"] == [\"default 0 0x80000000\", \"levels 5\"]");
	expect_json("j[1][\"devices\"][1][\"driver_before\"] == \"uhci_hcd\"");
	expect_json("j[1][\"path\"].endswith(\"/sys/devgroups/2\")");
	expect_ok(group("show 2"));
	ck_assert_contains(fake.out, "owner:        12 sh \"a\"?\n");
	ck_assert_contains(fake.out, "why:          because\n");
	ck_assert_contains(fake.out, "capabilities: eeh\n              ddw\n");
	ck_assert_contains(fake.out, UHCI "  UHCI USB controller (1b36:0010), no driver, goes back "
			   "to uhci_hcd\n");
}
END_TEST

/* A module that knows less than pvmm. */
START_TEST(test_old_driver)
{
	static const char *const files[] = {
		"members", "reason", "owner", "capabilities", "dma_windows",
	};
	char path[64];

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "sys/devgroups/2/%s", files[i]);
		fake_remove(&fake.host, path);
	}
	fake_remove(&fake.host, "sys/devgroups/merge");
	fake_remove(&fake.host, "sys/devgroups/unmerge");
	expect_ok(group("show 2 --json"));
	expect_json("j[\"members\"] == [\"2\"] and j[\"owner\"] is None and not j[\"capabilities\"]");
	expect_ok(group("claim 2"));
	expect_ok(group("release 2"));
	expect_refused(group("merge 1 2"), "cannot merge groups; load the one that belongs to");
	expect_refused(group("unmerge 2"), "cannot merge groups");
}
END_TEST

START_TEST(test_no_groups)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups", fake.host.sys);
	nftw(path, fake_delete, 16, FTW_DEPTH | FTW_PHYS);
	expect_refused(group("list"), "check that the host's IOMMU is on");
	fake_mkdir(&fake.host, "sys/kernel/iommu_groups");
	ck_assert_int_eq(group("list"), 0);
	ck_assert_contains(fake.err, "no groups on this host");
	expect_ok(group("list --json"));
	ck_assert_str_eq(fake.out, "[]\n");
}
END_TEST

START_TEST(test_check)
{
	ck_assert_int_eq(group("check 1"), 1);
	ck_assert_str_eq(fake.err, "");
	ck_assert_str_eq(fake.out, NVME ", NVM Express controller (1b36:0010), driver nvme:\n"
			 "  is held by the host driver nvme\n    run: pvmm group claim 1\n");
	mount_disk();
	ck_assert_int_eq(group("check 1"), 1);
	ck_assert_contains(fake.out, "  has nvme0n1 mounted on /mnt/\"x y\"\n"
			   "    run: umount '/mnt/\"x y\"'\n");
	ck_assert_int_eq(group("check 1 --json"), 1);
	expect_json("j[\"group\"] == 1 and j[\"blocked\"] and [b[\"kind\"] for b in j[\"blockers\"]] "
		    "== [\"mount\", \"driver\"]");
	expect_json("j[\"blockers\"][0][\"address\"] == \"" NVME "\" and "
		    "j[\"blockers\"][0][\"driver\"] == \"nvme\" and "
		    "j[\"blockers\"][0][\"text\"] == \"has nvme0n1 mounted on /mnt/\\\"x y\\\"\" and "
		    "j[\"blockers\"][0][\"fix\"] == \"umount \\x27/mnt/\\\"x y\\\"\\x27\"");
}
END_TEST

START_TEST(test_check_ready)
{
	fake_remove(&fake.host, "sys/devices/pci/" EHCI "/driver");
	expect_ok(group("check 2"));
	ck_assert_str_eq(fake.out, "group 2 is free; nothing is in the way\n");
	expect_ok(group("check 2 --json"));
	expect_json("j[\"blockers\"] == [] and j[\"blocked\"] is False and j[\"state\"] == \"free\"");
	expect_ok(group("claim 1"));
	expect_ok(group("check 1"));
	ck_assert_str_eq(fake.out, "group 1 is claimed; nothing is in the way\n");
}
END_TEST

START_TEST(test_check_interface)
{
	static const struct {
		const char *flags, *address, *fix;
	} cases[] = {
		{"0x1003\n", NULL, "run: ip link set eth0 down\n"},
		{"0x1002\n", "10.0.2.15", "run: ip address flush dev eth0\n"},
	};

	raise_interface(cases[_i].flags);
	if (cases[_i].address)
		fake_address("eth0", cases[_i].address);
	ck_assert_int_eq(group("check %s", CARD), 1);
	ck_assert_contains(fake.out, cases[_i].fix);
	ck_assert_int_eq(group("claim 3"), 1);
	ck_assert_contains(fake.err, "network interface eth0");
	ck_assert_contains(fake.err, "pvmm group claim 3 --force");
	expect_driver(CARD, "e1000e");
}
END_TEST

/* What is no matter of the host's drivers: with the group driver and without. */
START_TEST(test_check_group)
{
	static const struct {
		unsigned group;
		const char *state, *text, *advice;
	} cases[] = {
		{2, "in-use\n", "group 2 is in use by another process", "fuser -v "},
		{2, "frozen\n", "group 2 is frozen after an error, and in use by", "fuser -v "},
		{2, "quarantined\n", "group 2 is quarantined", "echo 1 > "},
		{10, "free\n", "group 10 has no devices but bridges", "take another group"},
	};

	fake_file(&fake.host, cases[_i].state, "sys/devgroups/%u/state", cases[_i].group);
	ck_assert_int_eq(group("check %u", cases[_i].group), 1);
	ck_assert_contains(fake.out, cases[_i].text);
	ck_assert_contains(fake.out, cases[_i].advice);
	expect_refused(group("claim %u --force", cases[_i].group), cases[_i].text);
	ck_assert_uint_eq(fake_sysfs.writes, 0);
}
END_TEST

/* The group driver takes platform devices, too; what the host uses them for is found. */
START_TEST(test_check_platform)
{
	static const char device[] = "sys/devices/platform/serial.1";

	fake_file(&fake.host, "", "%s/uevent", device);
	fake_link(&fake.host, device, "sys/bus/platform/devices/serial.1");
	fake_file(&fake.host, "", "sys/bus/platform/drivers/of_serial/bind");
	fake_link(&fake.host, "sys/bus/platform/drivers/of_serial", "%s/driver", device);
	fake_file(&fake.host, "0x1003\n", "%s/net/can0/flags", device);
	fake_link(&fake.host, "sys/devices/platform/serial.1/net/can0", "sys/class/net/can0");
	fake_link(&fake.host, device, "sys/kernel/iommu_groups/12/devices/serial.1");
	fake_devgroup(12);
	ck_assert_int_eq(group("check 12"), 1);
	ck_assert_str_eq(fake.out, "serial.1, platform device, driver of_serial:\n"
			 "  has the network interface can0, which is up\n"
			 "    run: ip link set can0 down\n"
			 "  is held by the host driver of_serial\n    run: pvmm group claim 12\n");
	ck_assert_int_eq(group("claim 12"), 1);
	ck_assert_contains(fake.err, "network interface can0");
	fake_file(&fake.host, "0x1002\n", "%s/net/can0/flags", device);
	expect_ok(group("claim 12"));
	expect_state(12, "\"claimed\"");
	expect_ok(group("release 12"));
}
END_TEST

START_TEST(test_check_holder)
{
	open_by_vfio(1, NVME);
	ck_assert_int_eq(group("check 1"), 1);
	ck_assert_str_eq(fake.out, "group 1 is in use by process 4321 qemu?system\n"
			 "    run: kill 4321\n");
	expect_state(1, "\"in-use\"");
	expect_json("j[\"owner\"] == \"4321 qemu?system\"");
	expect_refused(group("claim 1"), "in use by process 4321");
	expect_refused(group("release 1"), "group 1 is in-use, but `pvmm group claim` did not");
	expect_driver(NVME, "vfio-pci");
}
END_TEST

START_TEST(test_check_host)
{
	fake_file(&fake.host, "4\n", "sys/devices/pci/" CARD "/sriov_numvfs");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci/bind");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci/unbind");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci");
	fake_file(&fake.host, "", "sys/kernel/iommu_groups/3/devices/serial.1");
	ck_assert_int_eq(group("check 3 --json"), 1);
	expect_json("[b[\"kind\"] for b in j[\"blockers\"]] == "
		    "[\"host\", \"host\", \"virtual-functions\", \"driver\"]");
	expect_json("j[\"blockers\"][0][\"fix\"] == \"modprobe vfio-pci\"");
	expect_json("j[\"blockers\"][1][\"address\"] == \"serial.1\" and "
		    "j[\"blockers\"][1][\"fix\"] is None");
	ck_assert_int_eq(group("claim 3 --force"), 1);
	ck_assert_uint_eq(fake_count_lines(fake.err), 3);
	expect_driver(CARD, "e1000e");
}
END_TEST

/* Without the driver: on vfio-pci until released, whatever comes in between. */
START_TEST(test_claim)
{
	for (unsigned round = 0; round < 2; round++) {
		expect_ok(group("claim 2"));
		expect_driver(EHCI, "vfio-pci");
		expect_driver(UHCI, "vfio-pci");
		expect_driver("0002:01:00.0", "pcieport");
		expect_state(2, "\"claimed\"");
		expect_json("[d[\"driver_before\"] for d in j[\"devices\"]] == "
			    "[None, None, \"ehci-pci\"]");
		expect_refused(group("claim 2"), "group 2 is claimed already; to give it back: "
			       "pvmm group release 2");
		expect_ok(group("release 2"));
		expect_driver(EHCI, "ehci-pci");
		expect_driver(UHCI, "");
		expect_refused(group("release 2"), "group 2 is not claimed; nothing was done");
	}
}
END_TEST

/* By address, the devices that come along are named. */
START_TEST(test_claim_company)
{
	ck_assert_int_eq(group("claim %s", EHCI), 0);
	ck_assert_contains(fake.err, "so " UHCI ", UHCI USB controller (1b36:0010), comes along");
	ck_assert_uint_eq(fake_count_lines(fake.err), 1);
	expect_ok(group("release %s", UHCI));
}
END_TEST

START_TEST(test_claim_fails)
{
	fake_sysfs.fail_at = 5;
	expect_refused(group("claim 2"), "cannot bind " EHCI " to vfio-pci");
	expect_driver(EHCI, "ehci-pci");
	expect_driver(UHCI, "");
	expect_state(2, "\"free\"");
	fake_sysfs.fail_at = 0;
	expect_ok(group("claim 2"));
	fake_remove(&fake.host, "sys/bus/pci/drivers/ehci-pci/bind");
	ck_assert_int_eq(group("release 2"), 1);
	ck_assert_contains(fake.err, "run: modprobe ehci-pci");
	ck_assert_contains(fake.err, "group 2 is not released as a whole");
	fake_file(&fake.host, "", "sys/bus/pci/drivers/ehci-pci/bind");
	expect_ok(group("release 2"));
	expect_driver(EHCI, "ehci-pci");
}
END_TEST

/* A disk in use is not taken, unless by force, with the driver and without. */
static void claim_used(void)
{
	mount_disk();
	ck_assert_int_eq(group("claim 1"), 1);
	ck_assert_contains(fake.err, "has nvme0n1 mounted on /mnt/\"x y\"; run: umount ");
	ck_assert_contains(fake.err, "group 1 is not claimed; to take it nevertheless: "
			   "pvmm group claim 1 --force\n");
	ck_assert_uint_eq(fake_count_lines(fake.err), 2);
	ck_assert_uint_eq(fake_sysfs.writes, 0);
	expect_state(1, "\"free\"");
	expect_ok(group("claim 1 --force"));
	expect_state(1, "\"claimed\"");
	expect_ok(group("release 1"));
	expect_driver(NVME, "nvme");
}

START_TEST(test_claim_used)
{
	claim_used();
}
END_TEST

START_TEST(test_claim_used_driver)
{
	claim_used();
}
END_TEST

START_TEST(test_claim_driver)
{
	expect_ok(group("claim 2"));
	expect_state(2, "\"claimed\"");
	expect_driver(EHCI, "ehci-pci");	/* the fake driver takes no device */
	expect_ok(group("check 2"));
	ck_assert_str_eq(fake.out, "group 2 is claimed; nothing is in the way\n");
	fake_file(&fake.host, "77 vm\n", "sys/devgroups/2/owner");
	expect_refused(group("claim 2"), "claimed already, by process 77 vm; to give it back: ");
	expect_ok(group("release 2"));
	expect_state(2, "\"free\"");
	expect_refused(group("release 2"), "group 2 is not claimed; nothing was done");
}
END_TEST

START_TEST(test_driver_errors)
{
	static const struct {
		int error;
		const char *claim, *release;
	} cases[] = {
		{-EBUSY, "somebody was faster", "stop the guest"},
		{-EOPNOTSUPP, "can only claim PCI devices", "Operation not supported; dmesg"},
		{-EAGAIN, "try again", "dmesg may say why"},
		{-ENODEV, "was unplugged", "ended the claim"},
		{-EACCES, "cannot claim group 2: no permission; run as root", "run as root"},
		{-EINVAL, "cannot claim group 2: Invalid argument; dmesg", "it is not claimed"},
		{-EIO, "dmesg may say why", "did not take its device back"},
		{-ENOMEM, "Cannot allocate memory", "it is still claimed"},
	};

	fake_sysfs.driver_error = cases[_i].error;
	expect_refused(group("claim 2"), cases[_i].claim);
	fake_file(&fake.host, "claimed\n", "sys/devgroups/2/state");
	expect_refused(group("release 2"), cases[_i].release);
}
END_TEST

/* Claimed before the group driver was loaded: the records still count. */
START_TEST(test_driver_comes_later)
{
	expect_ok(group("claim 2"));
	fake_devgroup(2);
	expect_ok(group("release 2"));
	expect_driver(EHCI, "ehci-pci");
}
END_TEST

START_TEST(test_merge_needs_driver)
{
	expect_refused(group("merge 1 2"), "load it: modprobe devgroups");
	expect_refused(group("unmerge 1"), "load it: modprobe devgroups");
}
END_TEST

START_TEST(test_merge)
{
	expect_ok(group("merge 2 %s 3", NVME));
	expect_state(2, "\"free\"");
	expect_json("j[\"members\"] == [\"2\", \"1\", \"3\"] and len(j[\"devices\"]) == 5");
	expect_ok(group("show 3"));	/* the number of a group that was merged into another */
	ck_assert_contains(fake.out, "group 2, ");
	ck_assert_contains(fake.out, "merged of:    2 1 3\n");
	expect_ok(group("show %s", NVME));
	ck_assert_contains(fake.out, "group 2, ");
	expect_refused(group("merge 1 2"), "these are one group already");
	expect_ok(group("claim %u", 3));
	expect_state(2, "\"claimed\"");
	expect_refused(group("unmerge 2"), "cannot unmerge group 2: it is claimed, by process ");
	expect_ok(group("release 2"));
	expect_ok(group("unmerge 1"));
	expect_ok(group("list --json"));
	expect_json("[g[\"group\"] for g in j] == [1, 2, 3, 10]");
	expect_refused(group("unmerge 2"), "cannot unmerge group 2: it is not merged");
}
END_TEST

START_TEST(test_merge_refused)
{
	static const struct {
		const char *line, *text;
		int error;
	} cases[] = {
		{"merge 1 1", "these are one group already", 0},
		{"merge 1 99", "no group 99 on this host", 0},
		{"merge 1 3", "cannot merge group 3: it is in-use, by process 5 vm; release", 0},
		{"merge 1 2", "one of the groups is not free", -EBUSY},
		{"merge 1 2", "does not merge these", -EINVAL},
		{"merge 1 2", "isolated by different means", -EOPNOTSUPP},
		{"merge 1 2", "unplugged", -ENODEV},
		{"merge 1 2", "run as root", -EACCES},
	};

	fake_file(&fake.host, "in-use\n", "sys/devgroups/3/state");
	fake_file(&fake.host, "5 vm\n", "sys/devgroups/3/owner");
	fake_sysfs.driver_error = cases[_i].error;
	expect_refused(group("%s", cases[_i].line), cases[_i].text);
	expect_state(1, "\"free\"");
}
END_TEST

static void configure(const char *name, const char *text)
{
	fake_file(&fake.host, text, "etc/devgroups.d/%s", name);
}

START_TEST(test_apply_nothing)
{
	expect_ok(group("apply"));
	configure("readme", "garbage\n");
	configure(".hidden.conf", "garbage\n");
	configure(".conf", "garbage\n");
	configure("x.conf", "# claim " NVME "\n\n  \t\n");
	expect_ok(group("apply"));
	ck_assert_uint_eq(fake_sysfs.writes, 0);
}
END_TEST

/* Merges come first wherever they stand; what is done already is left alone. */
START_TEST(test_apply)
{
	configure("10.conf", "claim " CARD "	# with its disk\n");
	configure("20.conf", "  merge " NVME " " CARD "\r\nclaim " EHCI);
	expect_ok(group("apply"));
	expect_state(1, "\"claimed\"");
	expect_json("j[\"members\"] == [\"1\", \"3\"]");
	expect_state(2, "\"claimed\"");
	fake_sysfs.writes = 0;
	expect_ok(group("apply"));
	ck_assert_uint_eq(fake_sysfs.writes, 0);
	fake_file(&fake.host, "in-use\n", "sys/devgroups/2/state");
	expect_ok(group("apply"));
	ck_assert_uint_eq(fake_sysfs.writes, 0);
}
END_TEST

/* Each bad line is reported by its place, in lexical order of the files, and stops no other. */
START_TEST(test_apply_bad)
{
	static const char *const texts[] = {
		"/a.conf:1: frob: unknown; write `merge DEVICE DEVICE...` or `claim DEVICE`\n",
		"/a.conf:3: 2: not a PCI address; name a group by one of its devices",
		"/a.conf:4: claim needs 1 devices or more",
		"/a.conf:5: merge needs 2 devices or more",
		"/a.conf:6: " EHCI " is one device too many; claim takes 1\n",
		"/b.conf: holds a NUL byte",
		"/c.conf:1: no PCI device 0009:01:00.0 on this host",
		"/c.conf:2: " NVME ", NVM Express controller (1b36:0010), has nvme0n1 mounted on",
	};
	char path[128];
	const char *at = NULL;
	FILE *file;

	mount_disk();
	configure("a.conf", "frob\nclaim " EHCI "\nclaim 2\nclaim # " EHCI "\nmerge " EHCI "\n"
		  "claim " CARD " " EHCI "\n");
	configure("c.conf", "claim 0009:01:00.0\nclaim " NVME "\nclaim " CARD "\n");
	snprintf(path, sizeof(path), "%s/devgroups.d/b.conf", fake.host.etc);
	file = fopen(path, "w");
	fwrite("claim\0\n", 1, 7, file);
	fclose(file);
	ck_assert_int_eq(group("apply"), 1);
	at = fake.err;
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_contains(at, texts[i]);
		at = strstr(at, texts[i]);
	}
	expect_state(2, "\"claimed\"");
	expect_state(3, "\"claimed\"");
	expect_state(1, "\"free\"");
}
END_TEST

START_TEST(test_apply_without_driver)
{
	configure("a.conf", "merge " NVME " " CARD "\nclaim " EHCI "\n");
	expect_refused(group("apply"), "/a.conf:1: only the group driver can merge groups");
	expect_driver(EHCI, "vfio-pci");
	ck_assert_int_eq(group("apply"), 1);
	expect_driver(EHCI, "vfio-pci");
}
END_TEST

START_TEST(test_apply_unreadable)
{
	static char large[70000];

	memset(large, '#', sizeof(large) - 1);
	configure("a.conf", large);
	fake_mkdir(&fake.host, "etc/devgroups.d/b.conf");
	configure("c.conf", "claim " EHCI "\n");
	ck_assert_int_eq(group("apply"), 1);
	ck_assert_contains(fake.err, "/a.conf: too large; it is passed over");
	ck_assert_contains(fake.err, "/b.conf: Is a directory; it is passed over");
	expect_driver(EHCI, "vfio-pci");
}
END_TEST

START_TEST(test_apply_no_folder)
{
	fake_file(&fake.host, "", "etc/devgroups.d");
	expect_refused(group("apply"), "/devgroups.d: Not a directory; make it a folder");
}
END_TEST

static void add_tests(TCase *tcase, const TTest *const *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
}

static TCase *plain_case(void)
{
	const TTest *const tests[] = {
		test_output_lost, test_list, test_no_groups, test_check, test_check_ready,
		test_check_holder, test_check_host, test_claim, test_claim_company,
		test_claim_fails, test_claim_used, test_driver_comes_later,
		test_merge_needs_driver, test_apply_nothing, test_apply_without_driver,
		test_apply_unreadable, test_apply_no_folder,
	};
	TCase *tcase = tcase_create("without driver");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_usage, 0, 21);
	tcase_add_loop_test(tcase, test_help, 0, 5);
	tcase_add_loop_test(tcase, test_names, 0, 7);
	tcase_add_loop_test(tcase, test_check_interface, 0, 2);
	add_tests(tcase, tests, ARRAY_SIZE(tests));
	return tcase;
}

static TCase *driver_case(void)
{
	const TTest *const tests[] = {
		test_list_driver, test_old_driver, test_check_platform, test_claim_used_driver,
		test_claim_driver,
		test_merge, test_apply_nothing, test_apply, test_apply_bad,
	};
	TCase *tcase = tcase_create("with driver");

	tcase_add_checked_fixture(tcase, setup_driver, teardown);
	tcase_add_loop_test(tcase, test_usage, 0, 21);
	tcase_add_loop_test(tcase, test_check_group, 0, 4);
	tcase_add_loop_test(tcase, test_driver_errors, 0, 8);
	tcase_add_loop_test(tcase, test_merge_refused, 0, 8);
	add_tests(tcase, tests, ARRAY_SIZE(tests));
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("cli_group");

	suite_add_tcase(suite, plain_case());
	suite_add_tcase(suite, driver_case());
	return run_suite(suite);
}
