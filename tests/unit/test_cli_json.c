// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The JSON writer: what Python reads out of it is what went in.
 */
#include "tests/unit/capture.h"
#include "tests/unit/check_json.h"
#include "vmm/cli/json.h"

static char *text;
static size_t size;
static struct json json;

static void setup(void)
{
	memset(&json, 0, sizeof(json));
	json.out = open_memstream(&text, &size);
}

static void teardown(void)
{
	free(text);
}

static void expect_json(const char *python)
{
	char test[1024];

	fclose(json.out);
	snprintf(test, sizeof(test), "j == %s", python);
	check_json(text, test);
}

START_TEST(test_string)
{
	static const struct {
		const char *value, *python;
	} cases[] = {
		{"", "\"\""},
		{"nvme0n1 on /srv", "\"nvme0n1 on /srv\""},
		{"a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\""},
		{"\x01\t\n\x1f\x7f", "\"\\x01\\t\\n\\x1f\\x7f\""},
		{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\\u00e9 \\u20ac \\U0001f600\""},
		{"a\xff" "b", "\"a\\ufffdb\""},
		{"\xc3", "\"\\ufffd\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},			/* overlong */
		{"\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},		/* a surrogate */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xf8\x80", "\"\\ufffd\\ufffd\""},
		{NULL, "None"},
	};

	json_string(&json, NULL, cases[_i].value);
	expect_json(cases[_i].python);
}
END_TEST

START_TEST(test_nested)
{
	json_open(&json, NULL, '{');
	json_open(&json, "empty", '[');
	json_close(&json, ']');
	json_open(&json, "list", '[');
	for (unsigned i = 0; i < 3; i++) {
		json_open(&json, NULL, '{');
		json_number(&json, "n", i);
		json_bool(&json, "even", i % 2 == 0);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_words(&json, "words", " 2 30\n4 ", " \n");
	json_words(&json, "none", "", " ");
	json_number(&json, "big", UINT64_MAX);
	json_string(&json, "quote\"", "x");
	json_close(&json, '}');
	expect_json("{\"empty\": [], \"list\": [{\"n\": 0, \"even\": True}, "
		    "{\"n\": 1, \"even\": False}, {\"n\": 2, \"even\": True}], "
		    "\"words\": [\"2\", \"30\", \"4\"], \"none\": [], "
		    "\"big\": 18446744073709551615, \"quote\\\"\": \"x\"}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_json");
	TCase *tcase = tcase_create("cli_json");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_string, 0, 14);
	tcase_add_test(tcase, test_nested);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
