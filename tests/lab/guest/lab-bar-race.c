// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-bar-race ADDRESS OFFSET SECONDS [power|reset|store]...: in a guest, reads the register at
 * OFFSET of a device's BAR 0 on one CPU all the time while another switches memory decoding off and
 * on, and the power state, or resets the function; with "store" that one also stores something else
 * to it while it is off. A read gives what was there at first, or all ones; while the function is
 * reset it may give 0, once in a while: QEMU flushes another processor's TLB only when that comes to
 * the end of its block, and answers 0 for a device that decodes nothing. Prints how often which came;
 * exit status 0 if nothing else did.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COMMAND 0x04
#define COMMAND_MEMORY 0x2
#define FIRST_CAPABILITY 0x34
#define CAPABILITY_PM 0x01
#define PM_CONTROL 4
#define PM_D3HOT 3
#define CAPABILITY_EXPRESS 0x10
#define DEVICE_CONTROL 8
#define DEVICE_CONTROL_FLR 0x8000

static struct race {
	int config;
	volatile uint32_t *reg;
	uint32_t right;
	bool power, reset, store;
	volatile bool enough;
	unsigned long switches, rights, ones, late, others, seen, lost;
	uint32_t other;
} race;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint16_t get_word(unsigned offset)
{
	uint16_t word;

	if (pread(race.config, &word, sizeof(word), offset) != sizeof(word))
		die("reading config space");
	return word;
}

static void set_word(unsigned offset, uint16_t word)
{
	if (pwrite(race.config, &word, sizeof(word), offset) != sizeof(word))
		die("writing config space");
}

static unsigned find_capability(unsigned id)
{
	unsigned offset = get_word(FIRST_CAPABILITY) & 0xfc;

	while (offset && (get_word(offset) & 0xff) != id)
		offset = get_word(offset) >> 8 & 0xfc;
	if (!offset) {
		fprintf(stderr, "the device has no capability %#x\n", id);
		exit(2);
	}
	return offset;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("two CPUs are needed");
}

static void *read_all_the_time(void *arg)
{
	(void)arg;
	run_on(1);
	while (!race.enough) {
		uint32_t value = *race.reg;

		if (value == race.right)
			race.rights++;
		else if (value == UINT32_MAX)
			race.ones++;
		else if (race.reset && !value)
			race.late++;
		else if (!race.others++)
			race.other = value;
	}
	return NULL;
}

/* To D3hot and back (PCI PM 5.4.1). */
static void switch_power(void)
{
	unsigned offset = find_capability(CAPABILITY_PM) + PM_CONTROL;
	uint16_t control = get_word(offset) & ~PM_D3HOT;

	set_word(offset, control | PM_D3HOT);
	set_word(offset, control);
	usleep(10000);
}

/* A reset of the function (PCI Express 6.6.2). */
static void reset(void)
{
	unsigned offset = find_capability(CAPABILITY_EXPRESS) + DEVICE_CONTROL;

	set_word(offset, get_word(offset) | DEVICE_CONTROL_FLR);
	usleep(100000);
}

static void switch_off_and_on(void)
{
	uint16_t command = get_word(COMMAND);

	set_word(COMMAND, command & ~COMMAND_MEMORY);
	/* Nobody takes it, and it must not come later. */
	if (race.store)
		*race.reg = ~race.right;
	race.seen += *race.reg != UINT32_MAX;
	set_word(COMMAND, command);
	race.lost += *race.reg != race.right;
	if (race.power)
		switch_power();
	if (race.reset)
		reset();
	if (race.power || race.reset)
		set_word(COMMAND, command);
	race.switches++;
}

static int open_in(const char *address, const char *file)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, file);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long offset = strtoul(argv[2], NULL, 0);
	time_t end = time(NULL) + atoi(argv[3]);
	long page = sysconf(_SC_PAGESIZE);
	pthread_t reader;
	uint8_t *map;

	for (int i = 4; i < argc; i++) {
		race.power |= !strcmp(argv[i], "power");
		race.reset |= !strcmp(argv[i], "reset");
		race.store |= !strcmp(argv[i], "store");
	}
	race.config = open_in(argv[1], "config");
	map = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   open_in(argv[1], "resource0"), 0);
	if (map == MAP_FAILED)
		die("mapping BAR 0");
	race.reg = (volatile uint32_t *)(map + offset);
	run_on(0);
	set_word(COMMAND, get_word(COMMAND) | COMMAND_MEMORY);
	race.right = *race.reg;
	printf("lab-bar-race: it is %08x\n", race.right);
	if (pthread_create(&reader, NULL, read_all_the_time, NULL))
		die("starting a thread");
	while (time(NULL) < end)
		switch_off_and_on();
	race.enough = true;
	pthread_join(reader, NULL);
	printf("lab-bar-race: %lu switches, %lu right, %lu ones, %lu late, %lu others (%08x)\n",
	       race.switches, race.rights, race.ones, race.late, race.others, race.other);
	printf("lab-bar-race: %lu times there while off, %lu times not while on, now %08x\n",
	       race.seen, race.lost, *race.reg);
	return race.others || race.seen || race.lost || !race.rights || !race.ones ||
	       *race.reg != race.right;
}
