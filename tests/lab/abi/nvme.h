/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of a driver for an NVMe controller as it takes to see DMA: the admin queue, and the
 * command that has the controller write what it is. All registers and memory are little-endian,
 * as the programs are.
 */
#ifndef NVME_H
#define NVME_H

#include <time.h>

#include "abi.h"

#define NVME_QUEUE_SIZE 16
#define NVME_IDENTIFY_SIZE 4096

enum nvme_register {	/* in words of 4 bytes */
	NVME_CC = 0x14 / 4,
	NVME_CSTS = 0x1c / 4,
	NVME_AQA = 0x24 / 4,
	NVME_ASQ = 0x28 / 4,
	NVME_ACQ = 0x30 / 4,
	NVME_SQ0_TAIL = 0x1000 / 4,
	NVME_CQ0_HEAD = 0x1004 / 4,
};

struct nvme {
	volatile uint32_t *bar;
	volatile uint32_t *submissions;	/* 16 words each */
	volatile uint32_t *completions;	/* 4 words each */
	unsigned int tail, head;
	unsigned int phase;
};

static inline bool nvme_ready(struct nvme *nvme, uint32_t ready)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if ((nvme->bar[NVME_CSTS] & 1) == ready)
			return true;
		usleep(1000);
	}
	return false;
}

static inline void nvme_stop(struct nvme *nvme)
{
	nvme->bar[NVME_CC] = 0;
	CHECK(nvme_ready(nvme, 0));
}

/* Starts a controller that is stopped. The queues are a page of 4 KiB each. */
static inline void nvme_start(struct nvme *nvme, uint64_t submissions, uint64_t completions)
{
	memset((void *)nvme->completions, 0, NVME_QUEUE_SIZE * 16);
	nvme->tail = nvme->head = 0;
	nvme->phase = 1;
	nvme->bar[NVME_AQA] = (NVME_QUEUE_SIZE - 1) << 16 | (NVME_QUEUE_SIZE - 1);
	nvme->bar[NVME_ASQ] = submissions;
	nvme->bar[NVME_ASQ + 1] = submissions >> 32;
	nvme->bar[NVME_ACQ] = completions;
	nvme->bar[NVME_ACQ + 1] = completions >> 32;
	nvme->bar[NVME_CC] = 6 << 16 | 4 << 20 | 1;
	CHECK(nvme_ready(nvme, 1));
}

/* Has the controller write to @iova what it is. */
static inline void nvme_submit_identify(struct nvme *nvme, uint64_t iova)
{
	volatile uint32_t *entry = nvme->submissions + nvme->tail * 16;
	int i;

	for (i = 0; i < 16; i++)
		entry[i] = 0;
	entry[0] = 6;		/* identify ... */
	entry[6] = iova;
	entry[7] = iova >> 32;
	entry[10] = 1;		/* ... the controller */
	__sync_synchronize();
	nvme->tail = (nvme->tail + 1) % NVME_QUEUE_SIZE;
	nvme->bar[NVME_SQ0_TAIL] = nvme->tail;
}

/* The status of the next command to end, -1 if none did for half a second. */
static inline int nvme_wait(struct nvme *nvme)
{
	volatile uint32_t *entry = nvme->completions + nvme->head * 4;
	int i, status;

	for (i = 0; i < 500 && (entry[3] >> 16 & 1) != nvme->phase; i++)
		usleep(1000);
	if ((entry[3] >> 16 & 1) != nvme->phase)
		return -1;
	__sync_synchronize();
	status = entry[3] >> 17;
	nvme->head = (nvme->head + 1) % NVME_QUEUE_SIZE;
	if (!nvme->head)
		nvme->phase ^= 1;
	nvme->bar[NVME_CQ0_HEAD] = nvme->head;
	return status;
}

static inline int nvme_identify(struct nvme *nvme, uint64_t iova)
{
	nvme_submit_identify(nvme, iova);
	return nvme_wait(nvme);
}

/* The serial number's first characters, in what the controller has written. */
static inline bool nvme_is_identity(const void *data, const char *serial)
{
	return !memcmp((const char *)data + 4, serial, strlen(serial));
}

#endif
