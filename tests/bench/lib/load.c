// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the benchmark has guests and hosts do, a number of times:
 *
 *   load reads FILE COUNT      4 KiB from all over a disk, one after the other, past the page cache
 *   load pings ADDRESS COUNT   a packet of 1000 bytes to an IPv4 address, and its echo
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 4096
#define PACKET_SIZE 1000

/* The same places each time. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 16;
}

static void do_reads(const char *path, unsigned long count)
{
	uint64_t blocks, state = 1;
	int fd = open(path, O_RDONLY | O_DIRECT);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	void *data;

	if (end < READ_SIZE || posix_memalign(&data, READ_SIZE, READ_SIZE))
		err(1, "%s", path);
	blocks = (uint64_t)end / READ_SIZE;
	while (count-- > 0) {
		off_t at = (off_t)(next_random(&state) % blocks * READ_SIZE);

		if (pread(fd, data, READ_SIZE, at) != READ_SIZE)
			err(1, "%s at %lld", path, (long long)at);
	}
	free(data);
	close(fd);
}

static uint16_t checksum(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void wait_for_echo(int fd, uint16_t number)
{
	uint8_t answer[PACKET_SIZE + 64];
	const struct icmphdr *header;
	ssize_t size;

	do {
		size = recv(fd, answer, sizeof(answer), 0);
		if (size < 0)
			err(1, "no echo");
		header = (const void *)(answer + (size_t)(answer[0] & 0xf) * 4);
	} while (size < 28 || header->type != ICMP_ECHOREPLY ||
		 header->un.echo.sequence != number);
}

static void do_pings(const char *address, unsigned long count)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	uint8_t packet[PACKET_SIZE] = { ICMP_ECHO };
	struct icmphdr *header = (void *)packet;

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		err(1, "%s", address);
	for (unsigned long i = 1; i <= count; i++) {
		header->un.echo.sequence = htons((uint16_t)i);
		header->checksum = 0;
		header->checksum = checksum(packet, sizeof(packet));
		if (sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to,
			   sizeof(to)) < 0)
			err(1, "%s", address);
		wait_for_echo(fd, header->un.echo.sequence);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

	if (argc == 4 && !strcmp(argv[1], "reads"))
		do_reads(argv[2], count);
	else if (argc == 4 && !strcmp(argv[1], "pings"))
		do_pings(argv[2], count);
	else
		errx(1, "load reads FILE COUNT | load pings ADDRESS COUNT");
	return 0;
}
