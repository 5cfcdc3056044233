// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random NUMBER DEVICE CALLS [SEED]: threads that make that many calls in all on a group's file
 * and on its device's, with arguments that are random, or right but for a few words. Nobody looks
 * at the answers: the host is to survive, and the group to be as good as new afterwards.
 */
#include <pthread.h>

#include "abi.h"

#define THREADS 4
#define WORDS 1024

static const char *name;
static int group;
static int device = -1;		/* replaced by whoever opens it */
static uint8_t *memory;		/* what arguments point to */
static long calls_left;
static unsigned long counts[4];

struct state {
	pthread_t thread;
	uint64_t random;
	uint32_t words[WORDS];
};

static uint32_t next(struct state *state, uint32_t limit)
{
	state->random ^= state->random << 13;
	state->random ^= state->random >> 7;
	state->random ^= state->random << 17;
	return (state->random >> 20) % limit;
}

static const struct {
	unsigned long command;
	uint32_t size;		/* 0: the argument is a number */
	uint32_t rarity;	/* one in so many; they take time */
} group_calls[] = {
	{ DEVGROUP_GET_INFO, sizeof(struct devgroup_info), 1 },
	{ DEVGROUP_GET_DEVICE, sizeof(struct devgroup_device_info), 1 },
	{ DEVGROUP_OPEN_DEVICE, sizeof(struct devgroup_open_device), 1 },
	{ DEVGROUP_GET_DMA_INFO, sizeof(struct devgroup_dma_info), 1 },
	{ DEVGROUP_CREATE_WINDOW, sizeof(struct devgroup_create_window), 1 },
	{ DEVGROUP_REMOVE_WINDOW, sizeof(struct devgroup_remove_window), 1 },
	{ DEVGROUP_REGISTER_MEMORY, sizeof(struct devgroup_memory), 1 },
	{ DEVGROUP_UNREGISTER_MEMORY, sizeof(struct devgroup_memory), 1 },
	{ DEVGROUP_MAP, sizeof(struct devgroup_map), 1 },
	{ DEVGROUP_UNMAP, sizeof(struct devgroup_unmap), 1 },
	{ DEVGROUP_UNMAP_PAGE, 0, 1 },
	{ DEVGROUP_MAP_LIST, sizeof(struct devgroup_map_list), 1 },
	{ DEVGROUP_BIND_KVM, sizeof(struct devgroup_command), 1 },
	{ DEVGROUP_UNBIND_KVM, sizeof(struct devgroup_command), 1 },
	{ DEVGROUP_GET_ERROR, sizeof(struct devgroup_error), 1 },
	{ DEVGROUP_FREEZE, sizeof(struct devgroup_command), 100 },
	{ DEVGROUP_UNFREEZE, sizeof(struct devgroup_command), 10 },
	{ DEVGROUP_RESET, sizeof(struct devgroup_command), 10000 },
	{ DEVGROUP_CONFIGURE, sizeof(struct devgroup_command), 1000 },
	{ DEVGROUP_SET_EVENT, sizeof(struct devgroup_set_event), 1 },
	{ _IO(DEVGROUP_TYPE, 50), 8, 1 },
};

static const struct {
	unsigned long command;
	uint32_t size;
	uint32_t rarity;
} device_calls[] = {
	{ VFIO_DEVICE_GET_INFO, sizeof(struct vfio_device_info), 1 },
	{ VFIO_DEVICE_GET_REGION_INFO, sizeof(struct vfio_region_info), 1 },
	{ VFIO_DEVICE_GET_IRQ_INFO, sizeof(struct vfio_irq_info), 1 },
	{ VFIO_DEVICE_SET_IRQS, sizeof(struct vfio_irq_set), 1 },
	{ VFIO_DEVICE_RESET, 0, 10000 },
	{ VFIO_DEVICE_FEATURE, 16, 1 },
	{ VFIO_DEVICE_PCI_HOT_RESET, 16, 1 },
};

/* A number as they come in arguments. */
static uint64_t number(struct state *state)
{
	switch (next(state, 6)) {
	case 0:	return next(state, 4);
	case 1:	return 1ULL << next(state, 64);
	case 2:	return (uintptr_t)memory + next(state, 16) * 65536;
	case 3:	return UINT64_MAX - next(state, 4);
	case 4:	return next(state, 64) * 65536ULL;
	default: return state->random;
	}
}

static void fill(struct state *state, uint32_t size)
{
	uint32_t i, count = next(state, 5);

	memset(state->words, 0, 256);
	state->words[0] = next(state, 10) ? size : number(state);
	for (i = 0; i < count; i++)
		((uint64_t *)state->words)[1 + next(state, 4)] = number(state);
	if (!next(state, 2))
		state->words[1] = next(state, 40);
	if (!next(state, 4))
		state->words[1 + next(state, 6)] = number(state);
}

static void call_group(struct state *state)
{
	uint32_t i = next(state, ARRAY_SIZE(group_calls));
	void *argument = next(state, 50) ? state->words : NULL;
	int ret, old;

	if (next(state, group_calls[i].rarity))
		return;
	fill(state, group_calls[i].size);
	if (group_calls[i].command == DEVGROUP_OPEN_DEVICE && next(state, 8))
		strcpy(((struct devgroup_open_device *)state->words)->name, name);
	if (!group_calls[i].size)
		argument = (void *)(uintptr_t)number(state);
	ret = ioctl(group, group_calls[i].command, argument);
	if (group_calls[i].command == DEVGROUP_OPEN_DEVICE && ret >= 0) {
		old = __atomic_exchange_n(&device, ret, __ATOMIC_SEQ_CST);
		CHECK(old == -1);
	}
	if (group_calls[i].command == DEVGROUP_BIND_KVM && ret >= 0)
		close(ret);
	__atomic_add_fetch(&counts[0], 1, __ATOMIC_RELAXED);
}

static void call_device(struct state *state)
{
	uint32_t i = next(state, ARRAY_SIZE(device_calls));

	if (next(state, device_calls[i].rarity))
		return;
	fill(state, device_calls[i].size);
	if (!next(state, 3)) {
		/* An interrupt that might well be set up. */
		state->words[0] = 24;
		state->words[1] = 1 << next(state, 3) | 8 << next(state, 3);
		state->words[2] = next(state, 5);
		state->words[3] = next(state, 3);
		state->words[4] = next(state, 3);
	}
	ioctl(device, device_calls[i].command, state->words);
	__atomic_add_fetch(&counts[1], 1, __ATOMIC_RELAXED);
}

static void access_device(struct state *state)
{
	off_t offset = (uint64_t)next(state, 10) << 40 | next(state, next(state, 2) ? 256 : 20000);
	size_t size = 1U << next(state, 5);

	fill(state, next(state, 256));
	if (next(state, 2))
		pread(device, state->words, size, offset);
	else
		pwrite(device, state->words, size, offset);
	__atomic_add_fetch(&counts[2], 1, __ATOMIC_RELAXED);
}

/* A mapping that is used for a moment, and now and then the end of the device's file. */
static void map_device(struct state *state)
{
	size_t size = 4096 << next(state, 4);
	volatile uint32_t *bar;
	int old;

	if (!next(state, 2000)) {
		old = __atomic_exchange_n(&device, -1, __ATOMIC_SEQ_CST);
		close(old);
	}
	if (next(state, 20))
		return;
	bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		   (off_t)next(state, 2) << 40);
	if (bar == MAP_FAILED)
		return;
	bar[next(state, 16)] = number(state);
	bar[next(state, 16)];
	munmap((void *)bar, size);
	__atomic_add_fetch(&counts[3], 1, __ATOMIC_RELAXED);
}

static void *run(void *data)
{
	static void (*const what[])(struct state *) = {
		call_group, call_group, call_device, access_device, map_device,
	};
	struct state *state = data;

	while (__atomic_sub_fetch(&calls_left, 1, __ATOMIC_RELAXED) > 0)
		what[next(state, ARRAY_SIZE(what))](state);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct state states[THREADS];
	uint64_t seed;
	int i;

	CHECK(argc >= 4);
	name = argv[2];
	calls_left = strtol(argv[3], NULL, 0);
	seed = argc > 4 ? strtoull(argv[4], NULL, 0) : 1;
	group = abi_open_group(argv[1]);
	CHECK(group >= 0);
	memory = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	for (i = 0; i < THREADS; i++) {
		states[i].random = (seed * THREADS + i + 1) * 0x9e3779b97f4a7c15;
		CHECK(!pthread_create(&states[i].thread, NULL, run, &states[i]));
	}
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_join(states[i].thread, NULL));
	printf("seed %llu: %lu calls of the group, %lu of the device, %lu accesses, %lu mappings\n",
	       (unsigned long long)seed, counts[0], counts[1], counts[2], counts[3]);
	return 0;
}
