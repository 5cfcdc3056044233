/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does what no operating system does. The first letter of its command line says
 * what:
 *   o  powers off at once, h  runs for ever, r  reboots at once
 *   s  has all vCPUs stop, start and interrupt each other until one reboots, by XICS too if that
 *      is what there is
 *   q  sends an interrupt to an event queue that there is not (a host's KVM would warn)
 *   t  asks for DMA mappings that make no sense, of the first bridge
 *   u  lists pages beyond the bridge's window, and ones to be unmapped at odd addresses: KVM of
 *      Linux 6.12 does not check for either, and takes the host down with it
 */
#include <stdint.h>

#define H_PUT_TCE 0x20
#define H_PUT_TERM_CHAR 0x58
#define H_EOI 0x64
#define H_CPPR 0x68
#define H_IPI 0x6c
#define H_XIRR 0x74
#define H_STUFF_TCE 0x138
#define H_PUT_TCE_INDIRECT 0x13c
#define H_SET_MODE 0x31c
#define H_INT_SET_SOURCE_CONFIG 0x3ac
#define H_SUCCESS 0
#define H_PARAMETER (-4)
#define H_P4 (-57)
#define TCE_PAGE 4096UL
#define TCE_RW 3UL
#define TCE_LIST_MAX 512
#define MEMORY_END (1UL << 40)	/* beyond it, whatever there is */
#define H_RTAS 0xf000
#define SET_MODE_ENDIAN 4
#define SECOND_ENTRY 0x200
#define CPUS_MAX 8
#define STORM_TICKS (512000 * 30)	/* of the time base: 30 ms */

enum { FDT_BEGIN = 1, FDT_END, FDT_PROP, FDT_NOP };

int64_t hcall(uint64_t number, ...);
void guest_main(const uint32_t *tree);
void guest_second(uint64_t cpu);

static uint32_t blocks[CPUS_MAX][32] __attribute__((aligned(64)));
static uint64_t tces[TCE_LIST_MAX] __attribute__((aligned(4096)));
static uint32_t power_off, reboot, start_cpu, stop_self;
static uint64_t liobn, window_pages;	/* of the first bridge's default window */

static int is_same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The value of the first property called @name; there is one. */
static const uint32_t *property(const uint32_t *tree, const char *name)
{
	const char *names = (const char *)tree + tree[3];
	const uint32_t *next = (const uint32_t *)((const char *)tree + tree[2]);

	for (;;) {
		switch (*next++) {
		case FDT_BEGIN:
			for (const char *end = (const char *)next; ; end++)
				if (!*end) {
					next += (end - (const char *)next) / 4 + 1;
					break;
				}
			break;
		case FDT_PROP:
			if (is_same(names + next[1], name))
				return next + 2;
			next += 2 + (next[0] + 3) / 4;
		}
	}
}

static void rtas(uint64_t cpu, uint32_t token, uint32_t nargs, uint32_t arg0, uint32_t arg1,
		 uint32_t arg2)
{
	volatile uint32_t *block = blocks[cpu];

	block[0] = token;
	block[1] = nargs;
	block[2] = 1;
	block[3] = arg0;
	block[4] = arg1;
	block[5] = arg2;
	hcall(H_RTAS, (uint64_t)block);
}

static void say(const char *text)
{
	for (; *text; text++)
		hcall(H_PUT_TERM_CHAR, 0UL, 1UL, (uint64_t)(uint8_t)*text << 56, 0UL);
}

static uint64_t now(void)
{
	uint64_t ticks;

	__asm__ volatile("mftb %0" : "=r"(ticks));
	return ticks;
}

static void interrupt(uint64_t random, uint64_t cpu)
{
	hcall(H_IPI, cpu, random & 0xff);
	hcall(H_CPPR, random >> 8 & 0xff);
	hcall(H_XIRR, 0UL);
	hcall(H_EOI, random);
}

void guest_second(uint64_t cpu)
{
	uint64_t random = now() + cpu;

	for (;;) {
		uint32_t other;

		random = random * 6364136223846793005UL + 1442695040888963407UL;
		other = 1 + (random >> 40) % (CPUS_MAX - 1);
		if ((random >> 33) % 4 == 0)
			rtas(cpu, start_cpu, 3, other, SECOND_ENTRY, other);
		else if ((random >> 33) % 32 == 1)
			rtas(cpu, stop_self, 0, 0, 0, 0);
		else if ((random >> 33) % 2 == 0)
			interrupt(random >> 8, other);
		else
			hcall(H_SET_MODE, 0UL, (uint64_t)SET_MODE_ENDIAN, 0UL, 0UL);
	}
}

static void storm(void)
{
	uint64_t start = now();

	for (uint32_t cpu = 1; cpu < CPUS_MAX; cpu++)
		rtas(0, start_cpu, 3, cpu, SECOND_ENTRY, cpu);
	while (now() - start < STORM_TICKS)
		;
	rtas(0, reboot, 0, 0, 0, 0);
}

static void expect(const char *what, int64_t status, int64_t wanted)
{
	if (status != wanted) {
		say(what);
		say(": another status\r\n");
	}
}

static void list(uint64_t first, uint64_t step)
{
	for (unsigned i = 0; i < TCE_LIST_MAX; i++)
		tces[i] = first + i * step;
}

static int64_t put_list(uint64_t ioba, uint64_t count)
{
	return hcall(H_PUT_TCE_INDIRECT, liobn, ioba, (uint64_t)tces, count);
}

static void ask_for_mappings(void)
{
	expect("put", hcall(H_PUT_TCE, liobn, 0UL, TCE_RW), H_SUCCESS);
	expect("no table", hcall(H_PUT_TCE, liobn + 1, 0UL, TCE_RW), H_PARAMETER);
	expect("beyond", hcall(H_PUT_TCE, liobn, window_pages * TCE_PAGE, TCE_RW), H_PARAMETER);
	expect("odd", hcall(H_PUT_TCE, liobn, TCE_PAGE / 2, TCE_RW), H_PARAMETER);
	expect("no memory", hcall(H_PUT_TCE, liobn, 0UL, MEMORY_END | TCE_RW), H_PARAMETER);
	expect("odd page", hcall(H_PUT_TCE, liobn, 0UL, TCE_PAGE / 2 | TCE_RW), H_PARAMETER);
	list(TCE_RW, TCE_PAGE);
	expect("list", put_list(0, TCE_LIST_MAX), H_SUCCESS);
	expect("long list", put_list(0, TCE_LIST_MAX + 1), H_PARAMETER);
	tces[TCE_LIST_MAX - 1] = MEMORY_END | TCE_RW;
	expect("bad list", put_list(0, TCE_LIST_MAX), H_PARAMETER);
	expect("stuff", hcall(H_STUFF_TCE, liobn, 0UL, TCE_RW, 1UL), H_PARAMETER);
	expect("stuff all", hcall(H_STUFF_TCE, liobn, 0UL, 0UL, window_pages), H_SUCCESS);
	expect("map again", hcall(H_PUT_TCE, liobn, 0UL, TCE_RW), H_SUCCESS);
	say("asked\r\n");
}

static void list_what_must_not_be(void)
{
	list(TCE_RW, TCE_PAGE);
	expect("list beyond", put_list((window_pages - 1) * TCE_PAGE, 2), H_PARAMETER);
	expect("stuff beyond", hcall(H_STUFF_TCE, liobn, 0UL, 0UL, window_pages + 1),
	       H_PARAMETER);
	expect("put", hcall(H_PUT_TCE, liobn, 0UL, TCE_RW), H_SUCCESS);
	for (unsigned i = 0; i < 8; i++) {
		list(i * sizeof(uint32_t), TCE_PAGE);
		expect("unmapped", put_list(0, TCE_LIST_MAX), H_SUCCESS);
	}
	say("listed\r\n");
}

static void find_window(const uint32_t *tree)
{
	const uint32_t *window = property(tree, "ibm,dma-window");

	liobn = window[0];
	window_pages = ((uint64_t)window[3] << 32 | window[4]) / TCE_PAGE;
}

void guest_main(const uint32_t *tree)
{
	power_off = *property(tree, "power-off");
	reboot = *property(tree, "system-reboot");
	start_cpu = *property(tree, "start-cpu");
	stop_self = *property(tree, "stop-self");
	switch (*(const char *)property(tree, "bootargs")) {
	case 'q':
		if (hcall(H_INT_SET_SOURCE_CONFIG, 0UL, 0UL, 0UL, 5UL, 0UL) == H_P4)
			say("refused\r\n");
		break;
	case 's':
		storm();
		break;
	case 'r':
		rtas(0, reboot, 0, 0, 0, 0);
		break;
	case 't':
		find_window(tree);
		ask_for_mappings();
		break;
	case 'u':
		find_window(tree);
		list_what_must_not_be();
		break;
	case 'h':
		say("up\r\n");
		for (;;)
			;
	}
	rtas(0, power_off, 0, 0, 0, 0);
	for (;;)
		;
}
