/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bus: order, overlap, wrap, straddling, handlers that change it, threads. */
#include "vmm/bus.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/capture.h"

struct device {
	struct bus_region region;
	struct bus *bus;
	uint8_t bytes[64];
	uint64_t last_offset;
	unsigned reads, writes;
};

static void device_read(struct bus_region *region, uint64_t offset, void *data, unsigned size)
{
	struct device *device = container_of(region, struct device, region);

	__atomic_fetch_add(&device->reads, 1, __ATOMIC_RELAXED);
	memcpy(data, device->bytes + offset, size);
}

static void device_write(struct bus_region *region, uint64_t offset, const void *data,
			 unsigned size)
{
	struct device *device = container_of(region, struct device, region);

	device->writes++;
	device->last_offset = offset;
	memcpy(device->bytes + offset, data, size);
}

/* Moves itself up by its size, as a BAR does. */
static void device_move(struct bus_region *region, uint64_t offset, const void *data,
			unsigned size)
{
	struct device *device = container_of(region, struct device, region);

	bus_remove(device->bus, region);
	region->gpa += region->size;
	ck_assert_int_eq(bus_add(device->bus, region), 0);
}

static const struct bus_ops device_ops = { .read = device_read, .write = device_write };
static const struct bus_ops move_ops = { .read = device_read, .write = device_move };
static const struct bus_ops no_ops = { .read = NULL };

static struct device device_at(uint64_t gpa, uint64_t size)
{
	return (struct device){ .region = { .name = "test", .gpa = gpa, .size = size,
					    .ops = &device_ops } };
}

static const struct {
	uint64_t gpa, size;
	int result;
} additions[] = {
	{ 0x2000, 0x40, -EEXIST },	/* the same */
	{ 0x1fff, 2, -EEXIST },		/* its first byte */
	{ 0x203f, 1, -EEXIST },		/* its last byte */
	{ 0x2010, 8, -EEXIST },		/* inside */
	{ 0x1000, 0x2000, -EEXIST },	/* around */
	{ 0, UINT64_MAX, -EEXIST },
	{ 0x1fff, 1, 0 },		/* touching below */
	{ 0x2040, 1, 0 },		/* touching above */
	{ 0, 1, 0 },
	{ UINT64_MAX, 1, 0 },
	{ UINT64_MAX - 7, 8, 0 },
	{ UINT64_MAX - 7, 9, -EINVAL },
	{ UINT64_MAX, UINT64_MAX, -EINVAL },
	{ 0x3000, 0, -EINVAL },
};

START_TEST(test_add)
{
	struct device device = device_at(0x2000, 0x40);
	struct device other = device_at(additions[_i].gpa, additions[_i].size);
	struct bus bus;

	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_add(&bus, &device.region), 0);
	ck_assert_int_eq(bus_add(&bus, &other.region), additions[_i].result);
	bus_remove(&bus, &other.region);
	bus_remove(&bus, &other.region);
	ck_assert_ptr_eq(bus.regions, &device.region);
	ck_assert_ptr_null(device.region.next);
	bus_exit(&bus);
}
END_TEST

START_TEST(test_sorted)
{
	static const uint64_t gpas[] = { 0x5000, 0x1000, 0x3000, 0x2000, 0x4000 };
	struct device devices[ARRAY_SIZE(gpas)];
	struct bus bus;
	uint64_t last = 0;
	unsigned count = 0;

	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(gpas); i++) {
		devices[i] = device_at(gpas[i], 0x40);
		ck_assert_int_eq(bus_add(&bus, &devices[i].region), 0);
	}
	for (struct bus_region *region = bus.regions; region; region = region->next) {
		ck_assert_uint_gt(region->gpa, last);
		last = region->gpa;
		count++;
	}
	ck_assert_uint_eq(count, ARRAY_SIZE(gpas));
	bus_exit(&bus);
}
END_TEST

static const struct {
	uint64_t gpa;
	unsigned size;
	int result;
} accesses[] = {
	{ 0x2000, 1, 0 },
	{ 0x2000, 2, 0 },
	{ 0x2000, 4, 0 },
	{ 0x2038, 8, 0 },
	{ 0x2003, 4, 0 },	/* unaligned: the device's matter */
	{ 0x203c, 8, -ENXIO },	/* over the end */
	{ 0x1ffe, 4, -ENXIO },	/* over the start */
	{ 0x2040, 1, -ENXIO },
	{ 0x1fff, 1, -ENXIO },
	{ UINT64_MAX, 8, -ENXIO },
	{ UINT64_MAX, 1, -ENXIO },
	{ 0x2000, 3, -ENXIO },
	{ 0x2000, 16, -ENXIO },
};

START_TEST(test_access)
{
	struct device device = device_at(0x2000, 0x40);
	unsigned size = accesses[_i].size;
	bool hit = accesses[_i].result == 0;
	uint8_t data[16], ones[16];
	struct bus bus;

	memset(ones, 0xff, sizeof(ones));
	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_add(&bus, &device.region), 0);
	memset(data, 0x11, sizeof(data));
	ck_assert_int_eq(bus_write(&bus, accesses[_i].gpa, data, size), accesses[_i].result);
	ck_assert_uint_eq(device.writes, hit);
	ck_assert_int_eq(bus_read(&bus, accesses[_i].gpa, data, size), accesses[_i].result);
	ck_assert_uint_eq(device.reads, hit);
	if (hit)
		ck_assert_uint_eq(device.last_offset, accesses[_i].gpa - 0x2000);
	else
		ck_assert_mem_eq(data, ones, size);
	bus_exit(&bus);
}
END_TEST

/* Two regions side by side have no access that spans both. */
START_TEST(test_straddle_neighbours)
{
	struct device a = device_at(0x1000, 0x40), b = device_at(0x1040, 0x40);
	struct bus bus;
	uint32_t data = 0;

	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_add(&bus, &a.region), 0);
	ck_assert_int_eq(bus_add(&bus, &b.region), 0);
	ck_assert_int_eq(bus_read(&bus, 0x103e, &data, 4), -ENXIO);
	ck_assert_uint_eq(data, UINT32_MAX);
	ck_assert_int_eq(bus_read(&bus, 0x1040, &data, 4), 0);
	ck_assert_uint_eq(data, 0);
	bus_exit(&bus);
}
END_TEST

START_TEST(test_missing_ops)
{
	struct device device = device_at(0x1000, 0x40);
	struct bus bus;
	uint16_t data = 0;

	device.region.ops = &no_ops;
	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_add(&bus, &device.region), 0);
	ck_assert_int_eq(bus_read(&bus, 0x1000, &data, 2), 0);
	ck_assert_uint_eq(data, UINT16_MAX);
	ck_assert_int_eq(bus_write(&bus, 0x1000, &data, 2), 0);
	bus_exit(&bus);
}
END_TEST

START_TEST(test_handler_changes_bus)
{
	struct device device = device_at(0x1000, 0x40);
	struct bus bus;
	uint8_t byte = 0;

	device.bus = &bus;
	device.region.ops = &move_ops;
	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_add(&bus, &device.region), 0);
	ck_assert_int_eq(bus_write(&bus, 0x1000, &byte, 1), 0);
	ck_assert_int_eq(bus_read(&bus, 0x1000, &byte, 1), -ENXIO);
	ck_assert_int_eq(bus_read(&bus, 0x1040, &byte, 1), 0);
	bus_exit(&bus);
}
END_TEST

struct reader {
	struct bus *bus;
	bool stop;
};

static void *keep_reading(void *argument)
{
	struct reader *reader = argument;
	uint64_t data;

	while (!__atomic_load_n(&reader->stop, __ATOMIC_RELAXED))
		bus_read(reader->bus, 0x1000, &data, 8);
	return NULL;
}

/* A region comes and goes while others read it: every read has its bytes or all ones. */
START_TEST(test_threads)
{
	struct device device = device_at(0x1000, 0x40);
	struct bus bus;
	struct reader reader = { .bus = &bus };
	pthread_t threads[2];

	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_reading, &reader), 0);
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(bus_add(&bus, &device.region), 0);
		bus_remove(&bus, &device.region);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	bus_exit(&bus);
}
END_TEST

struct fake_mapper {
	struct bus_mapper mapper;
	int result;
	unsigned maps, unmaps;
	uint64_t gpa, size;
	void *hva;
};

static int fake_map(struct bus_mapper *mapper, uint64_t gpa, uint64_t size, void *hva)
{
	struct fake_mapper *fake = container_of(mapper, struct fake_mapper, mapper);

	fake->maps++;
	fake->gpa = gpa;
	fake->size = size;
	fake->hva = hva;
	return fake->result;
}

static void fake_unmap(struct bus_mapper *mapper, uint64_t gpa, uint64_t size)
{
	struct fake_mapper *fake = container_of(mapper, struct fake_mapper, mapper);

	fake->unmaps++;
	fake->gpa = gpa;
	fake->size = size;
}

START_TEST(test_mapper)
{
	struct fake_mapper fake = { .mapper = { fake_map, fake_unmap } };
	struct bus bus;

	ck_assert_int_eq(bus_init(&bus, &fake.mapper), 0);
	ck_assert_int_eq(bus_map(&bus, 64 * KIB, 128 * KIB, &fake), 0);
	ck_assert_uint_eq(fake.gpa, 64 * KIB);
	ck_assert_uint_eq(fake.size, 128 * KIB);
	ck_assert_ptr_eq(fake.hva, &fake);
	bus_unmap(&bus, 64 * KIB, 128 * KIB);
	ck_assert_uint_eq(fake.unmaps, 1);
	fake.result = -ENOSPC;
	ck_assert_int_eq(bus_map(&bus, 64 * KIB, 64 * KIB, &fake), -ENOSPC);
	fake.maps = 0;
	ck_assert_int_eq(bus_map(&bus, 64 * KIB, 0, &fake), -EINVAL);
	ck_assert_int_eq(bus_map(&bus, UINT64_MAX, 64 * KIB, &fake), -EINVAL);
	ck_assert_uint_eq(fake.maps, 0);
	bus_exit(&bus);
}
END_TEST

START_TEST(test_no_mapper)
{
	struct bus bus;

	ck_assert_int_eq(bus_init(&bus, NULL), 0);
	ck_assert_int_eq(bus_map(&bus, 0, 64 * KIB, &bus), -EOPNOTSUPP);
	bus_unmap(&bus, 0, 64 * KIB);
	bus_exit(&bus);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus");
	TCase *tests = tcase_create("bus");

	tcase_add_loop_test(tests, test_add, 0, ARRAY_SIZE(additions));
	tcase_add_test(tests, test_sorted);
	tcase_add_loop_test(tests, test_access, 0, ARRAY_SIZE(accesses));
	tcase_add_test(tests, test_straddle_neighbours);
	tcase_add_test(tests, test_missing_ops);
	tcase_add_test(tests, test_handler_changes_bus);
	tcase_add_test(tests, test_threads);
	tcase_add_test(tests, test_mapper);
	tcase_add_test(tests, test_no_mapper);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
