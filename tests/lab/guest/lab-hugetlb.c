// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-hugetlb MB: in a guest, maps as much memory of its own huge pages, writes a word to each 64
 * KiB of it and reads them back. Says so; exit status 0 if all is as written.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define STEP (65536 / sizeof(uint64_t))

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 1) << 20;
	size_t words = size / sizeof(uint64_t), wrong = 0;
	uint64_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED) {
		perror("lab-hugetlb");
		return 1;
	}
	for (size_t i = 0; i < words; i += STEP)
		memory[i] = ~i;
	for (size_t i = 0; i < words; i += STEP)
		wrong += memory[i] != ~i;
	printf("lab-hugetlb: %zu MB, %zu words are wrong\n", size >> 20, wrong);
	return wrong != 0;
}
