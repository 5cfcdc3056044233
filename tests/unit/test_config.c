/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options: every one of them, from the command line and from files, and every complaint. */
#include "vmm/config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/capture.h"
#include "vmm/config_parse.h"

#define MAX_WORDS 16

/* Splits @line at blanks; '%' stands for a blank and '~' for an empty word. */
static int split(char *line, char **words)
{
	int count = 0;

	words[count++] = line + strlen(line);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		for (char *c = word; *c; c++)
			*c = *c == '%' ? ' ' : *c;
		words[count++] = strcmp(word, "~") ? word : word + 1;
		ck_assert_int_lt(count, MAX_WORDS);
	}
	return count;
}

static enum config_result parse(struct vm_config *config, struct capture *capture,
				const char *command)
{
	char line[1024], *words[MAX_WORDS];

	snprintf(line, sizeof(line), "%s", command);
	return config_parse(config, &capture->log, split(line, words), words);
}

/* Parses what must be right. */
static struct vm_config parse_good(const char *command)
{
	struct capture capture;
	struct vm_config config;
	enum config_result result;

	capture_init(&capture);
	result = parse(&config, &capture, command);
	ck_assert_str_eq(capture_take(&capture), "");
	ck_assert_int_eq(result, CONFIG_RUN);
	capture_exit(&capture);
	return config;
}

START_TEST(test_defaults)
{
	struct vm_config config = parse_good("--kernel vmlinux");

	ck_assert_str_eq(config.kernel, "vmlinux");
	ck_assert_uint_eq(config.memory, 512 * MIB);
	ck_assert_uint_eq(config.cpus, 1);
	ck_assert_int_eq(config.console, CONSOLE_STDIO);
	ck_assert_int_eq(config.irqchip, IRQCHIP_AUTO);
	ck_assert_int_eq(config.tce, TCE_AUTO);
	ck_assert_int_eq(config.memory_node, -1);
	ck_assert(!config.hugepages && !config.memory_file);
	ck_assert_int_eq(config.dma, DMA_ONDEMAND);
	ck_assert_uint_eq(config.timeout, 0);
	ck_assert_uint_eq(config.nr_groups, 0);
	ck_assert(!config.claim && !config.no_reboot && !config.verbose);
	ck_assert(!config.initrd && !config.append && !config.dump_dtb && !config.nvram);
	config_exit(&config);
	config_exit(&config);
}
END_TEST

START_TEST(test_all)
{
	struct vm_config config = parse_good(
		"--claim --kernel k --initrd=i --append root=/dev/vda%quiet --memory 2g --cpus=8 "
		"--console file:c.log --timeout 60");

	ck_assert(config.claim);
	ck_assert_str_eq(config.initrd, "i");
	ck_assert_str_eq(config.append, "root=/dev/vda quiet");
	ck_assert_uint_eq(config.memory, 2 * GIB);
	ck_assert_uint_eq(config.cpus, 8);
	ck_assert_int_eq(config.console, CONSOLE_FILE);
	ck_assert_str_eq(config.console_path, "c.log");
	ck_assert_uint_eq(config.timeout, 60);
	config_exit(&config);

	config = parse_good("--no-reboot --dump-dtb d --verbose --irqchip xics --nvram n "
			    "--console pty --kernel=k --tce kvm");
	ck_assert(config.no_reboot && config.verbose && !config.claim);
	ck_assert_str_eq(config.dump_dtb, "d");
	ck_assert_str_eq(config.nvram, "n");
	ck_assert_int_eq(config.irqchip, IRQCHIP_XICS);
	ck_assert_int_eq(config.tce, TCE_KVM);
	ck_assert_int_eq(config.console, CONSOLE_PTY);
	config_exit(&config);

	config = parse_good("--kernel k --tce single");
	ck_assert_int_eq(config.tce, TCE_SINGLE);
	config_exit(&config);

	config = parse_good("--kernel k --dma all --irqchip xive --tce pvmm");
	ck_assert_int_eq(config.dma, DMA_ALL);
	ck_assert_int_eq(config.irqchip, IRQCHIP_XIVE);
	ck_assert_int_eq(config.tce, TCE_PVMM);
	config_exit(&config);

	config = parse_good("--kernel k --dma all --dma nowindow64");
	ck_assert_int_eq(config.dma, DMA_NO_WINDOW64);
	config_exit(&config);

	config = parse_good("--kernel k --dma all --dma ondemand");
	ck_assert_int_eq(config.dma, DMA_ONDEMAND);
	config_exit(&config);
}
END_TEST

START_TEST(test_last_wins)
{
	struct vm_config config = parse_good("--kernel a --memory 1G --kernel b --memory 256M "
					     "--append x --append ~ --console none");

	ck_assert_str_eq(config.kernel, "b");
	ck_assert_uint_eq(config.memory, 256 * MIB);
	ck_assert_str_eq(config.append, "");
	ck_assert_int_eq(config.console, CONSOLE_NONE);
	config_exit(&config);
}
END_TEST

START_TEST(test_memory)
{
	struct vm_config config = parse_good("--kernel k --memory 1G,hugepages=16M,node=3");

	ck_assert_uint_eq(config.memory, GIB);
	ck_assert_uint_eq(config.hugepages, 16 * MIB);
	ck_assert_int_eq(config.memory_node, 3);
	ck_assert_ptr_null(config.memory_file);
	config_exit(&config);

	/* The last one counts as a whole. */
	config = parse_good("--kernel k --memory 1G,hugepages=16M --memory 2G,file=a "
			    "--memory=512M,node=0,file=/dev/shm/b=c");
	ck_assert_uint_eq(config.memory, 512 * MIB);
	ck_assert_uint_eq(config.hugepages, 0);
	ck_assert_int_eq(config.memory_node, 0);
	ck_assert_str_eq(config.memory_file, "/dev/shm/b=c");
	config_exit(&config);

	config = parse_good("--kernel k --memory 1G,file=a,node=1 --memory 256M");
	ck_assert_int_eq(config.memory_node, -1);
	ck_assert_ptr_null(config.memory_file);
	config_exit(&config);
}
END_TEST

START_TEST(test_groups)
{
	struct vm_config config = parse_good(
		"--kernel k --group /sys/kernel/iommu_groups/2 --group "
		"0001:01:00.0,place=0001:01:00.0@03.0,place=0001:01:00.1@1f.7 --group 02:00.0");
	struct group_config *group = &config.groups[1];

	ck_assert_uint_eq(config.nr_groups, 3);
	ck_assert_str_eq(config.groups[0].path, "/sys/kernel/iommu_groups/2");
	ck_assert_uint_eq(config.groups[0].nr_places, 0);
	ck_assert_str_eq(group->path, "0001:01:00.0");
	ck_assert_uint_eq(group->nr_places, 2);
	ck_assert_uint_eq(group->places[0].host.domain, 1);
	ck_assert_uint_eq(group->places[0].host.bus, 1);
	ck_assert_uint_eq(group->places[0].devfn, 3 << 3);
	ck_assert_uint_eq(group->places[1].host.function, 1);
	ck_assert_uint_eq(group->places[1].devfn, 0xff);
	config_exit(&config);
}
END_TEST

static const struct {
	const char *command, *message;
} bad[] = {
	{ "", "no kernel; give one with --kernel FILE" },
	{ "--memory 1G", "no kernel" },
	{ "--kernel", "--kernel: a value is missing; write --kernel FILE" },
	{ "--kernel ~", "--kernel: a value is missing" },
	{ "--kernel=", "--kernel: a value is missing" },
	{ "--kernel --initrd i", "--kernel: a value is missing" },
	{ "--initrd ~", "--initrd: a value is missing; write --initrd FILE" },
	{ "--kernel k --bogus", "--bogus: unknown option; `pvmm --help` lists them" },
	{ "--kernel k --mem 1G", "--mem: unknown option; write it out: --memory" },
	{ "--ver", "--ver: unknown option; `pvmm" },	/* two candidates */
	{ "--", "--: unknown option" },
	{ "--=x", "--: unknown option" },
	{ "-h", "-h: unknown option; options begin with --" },
	{ "-", "-: unknown option" },
	{ "--kernel k vmlinux", "vmlinux: unexpected word; options begin with --" },
	{ "~", ": unexpected word" },
	{ "--claim=yes", "--claim yes: takes no value; leave it out" },
	{ "--memory 12Q", "--memory 12Q: not a size; use a number with K, M, G or T, such as 512M" },
	{ "--memory -1", "--memory -1: not a size" },
	{ "--memory 512MB", "not a size" },
	{ "--memory M", "not a size" },
	{ "--memory 0x200", "not a size" },
	{ "--memory 1.5G", "not a size" },
	{ "--memory 255M", "--memory 255M: too little; at least 256M" },
	{ "--memory 0", "too little" },
	{ "--memory 512", "too little" },
	{ "--memory 1025G", "--memory 1025G: too much; at most 1024G" },
	{ "--memory 99999999999999999999999G", "too much" },
	{ "--memory 300001K", "--memory 300001K: not a multiple of 1M; use 292M" },
	{ "--memory ,node=0", "not a size" },
	{ "--memory 1G,", "--memory 1G,: after the comma comes hugepages=SIZE, file=PATH or node=N" },
	{ "--memory 1G,huge=2M", "after the comma comes" },
	{ "--memory 1G,file", "after the comma comes" },
	{ "--memory 1G,file=", "no file name; write it like file=/dev/shm/guest" },
	{ "--memory 1G,file=a,file=b", "file= is there twice" },
	{ "--memory 1G,node=0,node=0", "node= is there twice" },
	{ "--memory 1G,hugepages=2M,hugepages=2M", "hugepages= is there twice" },
	{ "--memory 1G,hugepages=", "not a size of huge pages" },
	{ "--memory 1G,hugepages=3M", "not a size of huge pages; use one of the host's" },
	{ "--memory 1G,hugepages=32K", "not a size of huge pages" },
	{ "--memory 1G,hugepages=0", "not a size of huge pages" },
	{ "--memory 1G,hugepages=99999999999999999999G", "not a size of huge pages" },
	{ "--memory 1000M,hugepages=16M", "not a multiple of its pages; use 1008M" },
	{ "--memory 1G,hugepages=2M,file=a", "hugepages= and file= exclude each other" },
	{ "--memory 1G,node=-1", "not a NUMA node; use its number, such as node=0" },
	{ "--memory 1G,node=", "not a NUMA node" },
	{ "--memory 1G,node=1024", "not a NUMA node" },
	{ "--cpus 0", "--cpus 0: not a number of CPUs; use 1 to 256" },
	{ "--cpus 257", "use 1 to 256" },
	{ "--cpus 99999999999999999999999", "use 1 to 256" },
	{ "--cpus two", "use 1 to 256" },
	{ "--cpus 1x", "use 1 to 256" },
	{ "--cpus +1", "use 1 to 256" },
	{ "--timeout soon", "--timeout soon: not a number; use whole seconds, such as 60" },
	{ "--timeout 1.5", "not a number" },
	{ "--timeout -1", "not a number" },
	{ "--timeout 99999999999999999999x", "not a number" },
	{ "--timeout 4294967296", "--timeout 4294967296: too long; at most 4294967295 seconds" },
	{ "--console vga", "--console vga: not a console; use stdio, pty, file:PATH or none" },
	{ "--console file", "not a console" },
	{ "--console file:", "--console file:: no file name" },
	{ "--dma some", "--dma some: not a way to lock memory for devices; use ondemand, all or nowindow64" },
	{ "--tce vfio", "--tce vfio: not a way to handle TCEs; use auto, kvm, single or pvmm" },
	{ "--irqchip gic", "--irqchip gic: not an interrupt controller; use auto, xive, xics, "
	  "xive-pvmm or xics-pvmm" },
	{ "--group 2", "--group 2: not a group; give its folder" },
	{ "--group ,place=0001:01:00.0@03.0", "not a group" },
	{ "--group 0001:01:00.8", "not a group" },
	{ "--group /g --group /g", "--group /g: the group is there already; name it once" },
	{ "--group /g,", "after the comma comes place=DEVICE@SLOT" },
	{ "--group /g,plaice=1", "after the comma comes place=DEVICE@SLOT" },
	{ "--group /g,place=", "not a place; write it like place=0001:01:00.0@03.0" },
	{ "--group /g,place=01:00.0", "not a place" },
	{ "--group /g,place=01:00.0@", "not a place" },
	{ "--group /g,place=01:00.0@20.0", "not a place" },
	{ "--group /g,place=01:00.0@03.8", "not a place" },
	{ "--group /g,place=01:00.0@3.0", "not a place" },
	{ "--group /g,place=01:00.0@03.0x", "not a place" },
	{ "--group /g,place=01:00.0@03.0@04.0", "not a place" },
	{ "--group /g,place=01:00.0@03.0,place=0000:01:00.0@04.0", "a device is placed twice" },
	{ "--group /g,place=01:00.0@03.0,place=01:00.1@03.0",
	  "two devices are placed at 03.0; give each its own" },
	{ "--config /nonexistent/file",
	  "--config /nonexistent/file: No such file or directory; give a file that can be read" },
	{ "--config /tmp", "--config /tmp: Is a directory" },
	{ "--config /dev/zero", "--config /dev/zero: larger than 64 KiB" },
	{ "--config", "--config: a value is missing" },
};

START_TEST(test_bad)
{
	struct capture capture;
	struct vm_config config;

	capture_init(&capture);
	ck_assert_int_eq(parse(&config, &capture, bad[_i].command), CONFIG_BAD);
	capture_expect(&capture, bad[_i].message);
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

START_TEST(test_too_many_groups)
{
	struct capture capture;
	struct vm_config config;
	char words[CONFIG_GROUPS_MAX + 1][32], *argv[CONFIG_GROUPS_MAX + 2] = { words[0] };

	capture_init(&capture);
	for (int i = 0; i <= CONFIG_GROUPS_MAX; i++) {
		snprintf(words[i], sizeof(words[i]), "--group=/g/%d", i);
		argv[i + 1] = words[i];
	}
	ck_assert_int_eq(config_parse(&config, &capture.log, CONFIG_GROUPS_MAX + 2, argv),
			 CONFIG_BAD);
	capture_expect(&capture, "--group /g/16: too many groups; at most 16");
	ck_assert_uint_eq(config.nr_groups, CONFIG_GROUPS_MAX);
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

static const struct {
	const char *text;
	int result;
	uint64_t size;
} sizes[] = {
	{ "0", 0, 0 },
	{ "1048576", 0, MIB },
	{ "512M", 0, 512 * MIB },
	{ "4g", 0, 4 * GIB },
	{ "7k", 0, 7 * KIB },
	{ "2T", 0, 2048 * GIB },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "17179869183G", 0, 17179869183 * GIB },
	{ "17179869184G", -ERANGE, 0 },
	{ "99999999999999999999999999999", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "G", -EINVAL, 0 },
	{ "1GG", -EINVAL, 0 },
	{ "1Gx", -EINVAL, 0 },
	{ "1 G", -EINVAL, 0 },
	{ " 1G", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "1P", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "99999999999999999999999999999Q", -EINVAL, 0 },
};

START_TEST(test_size)
{
	uint64_t size = 0;

	ck_assert_int_eq(config_parse_size(sizes[_i].text, &size), sizes[_i].result);
	if (!sizes[_i].result)
		ck_assert_uint_eq(size, sizes[_i].size);
}
END_TEST

static const struct {
	const char *text;
	int result;
	struct pci_address address;
} addresses[] = {
	{ "0001:02:03.4", 0, { 1, 2, 3, 4 } },
	{ "02:1f.7", 0, { 0, 2, 0x1f, 7 } },
	{ "FFFF:fF:00.0", 0, { 0xffff, 0xff, 0, 0 } },
	{ "10000:00:00.0", 0, { 0x10000, 0, 0, 0 } },
	{ "ffffffff:00:00.0", 0, { 0xffffffff, 0, 0, 0 } },
	{ "100000000:00:00.0", -EINVAL, { 0 } },
	{ "0001:02:20.0", -EINVAL, { 0 } },
	{ "0001:02:03.8", -EINVAL, { 0 } },
	{ "0001:2:03.0", -EINVAL, { 0 } },
	{ "0001:002:03.0", -EINVAL, { 0 } },
	{ "0001:02:3.0", -EINVAL, { 0 } },
	{ "0001:02:03.00", -EINVAL, { 0 } },
	{ "0001:02:03", -EINVAL, { 0 } },
	{ "0001:02:03.", -EINVAL, { 0 } },
	{ "0001:02:03.0 ", -EINVAL, { 0 } },
	{ " 0001:02:03.0", -EINVAL, { 0 } },
	{ "0001:", -EINVAL, { 0 } },
	{ ":02:03.0", -EINVAL, { 0 } },
	{ "0x01:02:03.0", -EINVAL, { 0 } },
	{ "-001:02:03.0", -EINVAL, { 0 } },
	{ "gggg:02:03.0", -EINVAL, { 0 } },
	{ "", -EINVAL, { 0 } },
};

START_TEST(test_pci_address)
{
	struct pci_address address = { .domain = 0 };
	const struct pci_address *wanted = &addresses[_i].address;

	ck_assert_int_eq(config_parse_pci_address(addresses[_i].text, &address),
			 addresses[_i].result);
	ck_assert_uint_eq(address.domain, wanted->domain);
	ck_assert_uint_eq(address.bus, wanted->bus);
	ck_assert_uint_eq(address.slot, wanted->slot);
	ck_assert_uint_eq(address.function, wanted->function);
}
END_TEST

/* A command line with --config FILE, FILE having @text. */
static enum config_result parse_file(struct vm_config *config, struct capture *capture,
				     const char *text, size_t size, const char *command)
{
	enum config_result result;
	char path[32], line[512];

	temporary_file(path, text, size);
	snprintf(line, sizeof(line), "%s --config %s", command, path);
	result = parse(config, capture, line);
	unlink(path);
	return result;
}

START_TEST(test_file)
{
	static const char text[] =
		"# a guest\n"
		"\n"
		"kernel = /boot/vmlinux\r\n"
		"  append=console=hvc0 root=/dev/vda # not a comment  \n"
		"memory 1G\n"
		"\tcpus\t=\t4\n"
		"claim\n"
		"group = /g/1\n"
		"group = 0001:01:00.0,place=0001:01:00.0@03.0\n"
		"timeout = 10";
	struct capture capture;
	struct vm_config config;

	capture_init(&capture);
	ck_assert_int_eq(parse_file(&config, &capture, text, sizeof(text) - 1,
				    "--memory 2G --group /g/3"), CONFIG_RUN);
	ck_assert_str_eq(capture_take(&capture), "");
	ck_assert_str_eq(config.kernel, "/boot/vmlinux");
	ck_assert_str_eq(config.append, "console=hvc0 root=/dev/vda # not a comment");
	/* The command line wins, although --config comes after it. */
	ck_assert_uint_eq(config.memory, 2 * GIB);
	ck_assert_uint_eq(config.cpus, 4);
	ck_assert_uint_eq(config.timeout, 10);
	ck_assert(config.claim);
	/* Groups add up. */
	ck_assert_uint_eq(config.nr_groups, 3);
	ck_assert_str_eq(config.groups[1].path, "0001:01:00.0");
	ck_assert_str_eq(config.groups[2].path, "/g/3");
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

#define TEXT(string) string, sizeof(string) - 1

static const struct {
	const char *text;
	size_t size;
	const char *message;
} bad_files[] = {
	{ TEXT("kernel = k\nmemory = 12Q\n"), ":2: memory 12Q: not a size; use a number" },
	{ TEXT("bogus = 1\n"), ":1: bogus: unknown option; `pvmm --help` lists them" },
	{ TEXT("\n\nmem = 1G"), ":3: mem: unknown option; write it out: memory" },
	{ TEXT("--kernel = k\n"), ":1: --kernel: unknown option" },
	{ TEXT("= k\n"), ":1: : unknown option" },
	{ TEXT("kernel\n"), ":1: kernel: a value is missing; write `kernel = FILE`" },
	{ TEXT("kernel =\n"), ":1: kernel: a value is missing" },
	{ TEXT("claim = yes\n"), ":1: claim yes: takes no value; leave it out" },
	{ TEXT("claim yes\n"), ":1: claim yes: takes no value" },
	{ TEXT("config = other\n"), ":1: config: only for the command line; leave it out here" },
	{ TEXT("help\n"), ":1: help: only for the command line" },
	{ TEXT("version\n"), ":1: version: only for the command line" },
	{ TEXT("kernel = k\0evil\n"), ":1: a NUL byte; a configuration is plain text" },
	{ TEXT("kernel = k\n\0"), ":2: a NUL byte" },
	{ TEXT("\177ELF\2\1\1\0\0\0"), ":1: a NUL byte" },
	{ TEXT("memory = 1G\n"), "no kernel" },
	{ TEXT(""), "no kernel" },
	{ TEXT("\n\n\n"), "no kernel" },
	{ TEXT("group = /g\ngroup = /g\n"), ":2: group /g: the group is there already" },
};

START_TEST(test_bad_file)
{
	struct capture capture;
	struct vm_config config;

	capture_init(&capture);
	ck_assert_int_eq(parse_file(&config, &capture, bad_files[_i].text, bad_files[_i].size, ""),
			 CONFIG_BAD);
	capture_expect(&capture, bad_files[_i].message);
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

/* The largest file, and one byte more. */
START_TEST(test_file_size)
{
	struct capture capture;
	struct vm_config config;
	size_t size = 64 * KIB;
	char *text = malloc(size + 1);

	capture_init(&capture);
	memset(text, '#', size + 1);
	memcpy(text, "kernel=k\n", 9);
	ck_assert_int_eq(parse_file(&config, &capture, text, size, ""), CONFIG_RUN);
	config_exit(&config);
	ck_assert_int_eq(parse_file(&config, &capture, text, size + 1, ""), CONFIG_BAD);
	capture_expect(&capture, "larger than 64 KiB; is it a configuration file?");
	config_exit(&config);
	capture_exit(&capture);
	free(text);
}
END_TEST

START_TEST(test_two_files)
{
	struct capture capture;
	struct vm_config config;
	char path[32], command[64];

	capture_init(&capture);
	temporary_file(path, TEXT("kernel = a\ncpus = 2\n"));
	snprintf(command, sizeof(command), "--config %s", path);
	ck_assert_int_eq(parse_file(&config, &capture, TEXT("kernel = b\n"), command), CONFIG_RUN);
	ck_assert_str_eq(config.kernel, "b");
	ck_assert_uint_eq(config.cpus, 2);
	unlink(path);
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

/* Runs a command that prints, with standard output in @text. */
static enum config_result parse_printing(const char *command, char *text, size_t size)
{
	struct capture capture;
	struct vm_config config;
	enum config_result result;
	int fd = memfd_create("output", MFD_CLOEXEC);
	ssize_t length;

	capture_init(&capture);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	result = parse(&config, &capture, command);
	length = pread(fd, text, size - 1, 0);
	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	ck_assert_str_eq(capture_take(&capture), "");
	config_exit(&config);
	capture_exit(&capture);
	return result;
}

START_TEST(test_help)
{
	char text[8192], option[64];

	ck_assert_int_eq(parse_printing("--memory 12Q --help", text, sizeof(text)), CONFIG_DONE);
	for (size_t i = 0; config_options[i].name; i++) {
		snprintf(option, sizeof(option), "\n  --%s", config_options[i].name);
		ck_assert_msg(strstr(text, option) != NULL, "no %s in --help", option);
	}
	ck_assert_ptr_nonnull(strstr(text, "Example:\n  pvmm --group"));
	ck_assert_ptr_nonnull(strstr(text, "`pvmm group --help`"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		ck_assert_msg(strlen(line) <= 80, "too wide: %s", line);
}
END_TEST

START_TEST(test_version)
{
	char text[256];

	ck_assert_int_eq(parse_printing("--version", text, sizeof(text)), CONFIG_DONE);
	ck_assert_ptr_eq(strstr(text, "pvmm "), text);
	ck_assert_ptr_null(strstr(text, "unknown"));
}
END_TEST

START_TEST(test_help_nowhere)
{
	struct capture capture;
	struct vm_config config;

	capture_init(&capture);
	fflush(stdout);
	ck_assert_ptr_nonnull(freopen("/dev/full", "w", stdout));
	ck_assert_int_eq(parse(&config, &capture, "--help"), CONFIG_BAD);
	capture_expect(&capture, "--help: standard output takes nothing; point it elsewhere");
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

START_TEST(test_no_words)
{
	struct capture capture;
	struct vm_config config;
	char *argv[] = { NULL };

	capture_init(&capture);
	ck_assert_int_eq(config_parse(&config, &capture.log, 0, argv), CONFIG_BAD);
	capture_expect(&capture, "no kernel");
	config_exit(&config);
	capture_exit(&capture);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");

	tcase_add_test(tests, test_defaults);
	tcase_add_test(tests, test_all);
	tcase_add_test(tests, test_last_wins);
	tcase_add_test(tests, test_memory);
	tcase_add_test(tests, test_groups);
	tcase_add_loop_test(tests, test_bad, 0, ARRAY_SIZE(bad));
	tcase_add_test(tests, test_too_many_groups);
	tcase_add_loop_test(tests, test_size, 0, ARRAY_SIZE(sizes));
	tcase_add_loop_test(tests, test_pci_address, 0, ARRAY_SIZE(addresses));
	tcase_add_test(tests, test_file);
	tcase_add_loop_test(tests, test_bad_file, 0, ARRAY_SIZE(bad_files));
	tcase_add_test(tests, test_file_size);
	tcase_add_test(tests, test_two_files);
	tcase_add_test(tests, test_help);
	tcase_add_test(tests, test_version);
	tcase_add_test(tests, test_help_nowhere);
	tcase_add_test(tests, test_no_words);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
