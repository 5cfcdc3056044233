// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-errinjct CLASS BUID FUNCTION: in a guest, injects an error as errinjct of powerpc-utils does:
 * by the rtas() system call, with a work buffer in the memory that Linux keeps for such calls.
 * CLASS is a name in "ibm,errinjct-tokens", BUID the bridge's in hexadecimal. Prints the status
 * of each of the three calls; exit status 0 if all are 0.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RTAS_NODE "/proc/device-tree/rtas/"
#define PE_CONFIG_ADDR 1

struct rtas_args {
	uint32_t token, nargs, nret, args[16];
	void *rets;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static size_t read_file(const char *path, char *data, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t length;

	if (!file)
		die(path);
	length = fread(data, 1, size - 1, file);
	data[length] = '\0';
	fclose(file);
	return length;
}

static uint32_t call_token(const char *name)
{
	char path[128], data[5];
	uint32_t token;

	snprintf(path, sizeof(path), RTAS_NODE "%s", name);
	if (read_file(path, data, sizeof(data)) != 4)
		die(path);
	memcpy(&token, data, sizeof(token));
	return be32toh(token);
}

/* Results in @rets, the first one returned. */
static int32_t call(const char *name, const uint32_t *args, uint32_t nargs, uint32_t nret,
		    uint32_t *rets)
{
	struct rtas_args block = {
		.token = htobe32(call_token(name)), .nargs = htobe32(nargs), .nret = htobe32(nret),
	};
	uint32_t i;

	for (i = 0; i < nargs; i++)
		block.args[i] = htobe32(args[i]);
	if (syscall(SYS_rtas, &block))
		die(name);
	for (i = 0; i < nret; i++)
		rets[i] = be32toh(block.args[nargs + i]);
	return (int32_t)rets[0];
}

static uint32_t class_token(const char *name)
{
	char data[256];
	size_t length = read_file(RTAS_NODE "ibm,errinjct-tokens", data, sizeof(data)), at = 0;
	uint32_t token;

	while (at < length) {
		size_t value = at + strlen(data + at) + 1;

		memcpy(&token, data + value, sizeof(token));
		if (!strcmp(data + at, name))
			return be32toh(token);
		at = value + sizeof(token);
	}
	fprintf(stderr, "no class %s\n", name);
	exit(2);
}

/* The address of the buffer, after the @count words are in it. */
static uint32_t fill_buffer(const uint32_t *words, unsigned count)
{
	unsigned long address;
	char text[128];
	uint32_t *buffer;
	unsigned i;
	int fd;

	read_file("/proc/ppc64/rtas/rmo_buffer", text, sizeof(text));
	if (sscanf(text, "%lx", &address) != 1)
		die("rmo_buffer");
	fd = open("/dev/mem", O_RDWR);
	buffer = fd < 0 ? MAP_FAILED : mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
					    (off_t)address);
	if (buffer == MAP_FAILED)
		die("/dev/mem");
	for (i = 0; i < count; i++)
		buffer[i] = htobe32(words[i]);
	return (uint32_t)address;
}

static int32_t inject(const char *class, uint64_t buid, uint32_t function, uint32_t token)
{
	uint32_t hi = (uint32_t)(buid >> 32), lo = (uint32_t)buid, ret;
	uint32_t narrow[] = { 0, 0, PE_CONFIG_ADDR, hi, lo, function };
	uint32_t wide[] = { 0, 0, 0, 0, PE_CONFIG_ADDR, hi, lo, function };
	uint32_t buffer = strstr(class, "64") ? fill_buffer(wide, 8) : fill_buffer(narrow, 6);
	uint32_t args[] = { class_token(class), token, buffer };

	return call("ibm,errinjct", args, 3, 1, &ret);
}

int main(int argc, char **argv)
{
	int32_t opened, injected, closed;
	uint32_t rets[2];

	if (argc != 4)
		return 2;
	call("ibm,open-errinjct", NULL, 0, 2, rets);
	opened = (int32_t)rets[1];
	injected = inject(argv[1], strtoull(argv[2], NULL, 16),
			  (uint32_t)strtoul(argv[3], NULL, 0), rets[0]);
	closed = call("ibm,close-errinjct", rets, 1, 1, &rets[1]);
	printf("%s %s: open %d, inject %d, close %d\n", argv[1], argv[3], opened, injected, closed);
	return opened || injected || closed;
}
