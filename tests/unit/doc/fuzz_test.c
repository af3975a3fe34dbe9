/* A short, repeatable run of the fuzzers' properties: a corpus, cut and mixed by a seeded draw. The
 * long runs are libFuzzer's (tests/fuzz). */
#include "doc/help.h"

#define LLVMFuzzerTestOneInput fuzz_yaml
#include "../../fuzz/doc_yaml_fuzz.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_json
#include "../../fuzz/doc_json_fuzz.c"
#undef LLVMFuzzerTestOneInput

enum { ROUNDS = 3000, MOST_BYTES = 4096 };

static const char *const corpus[] = {
	"a: 1\nb: \"x\"\nc: 10m\nd: {x: 1, y: \"2\"}\ne: [{n: a, s: 5%}]\nf: {q: {s: 1%}}\n",
	"- - a\n  - b: |\n      x\n      y\n- >-\n  z\n",
	"\"a\\u00e4\\n\": 'b'\n? c\n: d\n",
	"---\na: ~\n---\n- x\n...\n# end\n",
	"{a: [1, 2, {b: c}], \"d\": e, f: 'it''s'}\n",
	"a: &x 1\nb: *x\nc: !!int 5\n",
	"\357\273\277a: \xc3\xa4\r\nb:\t1\r\n",
	"{\"a\":\"x\",\"b\":-15,\"c\":\"10m\",\"d\":{\"x\":1},\"e\":[{\"n\":\"a\"}],\"f\":{}}",
	"[1,[],{},null,true,\"\\u00e4\\ud83d\\ude00\",9223372036854775807,1e5]",
	"1933333333333333333333333333333333333333333333333333333333333333333333333",
	"# c\r\rba: 0x1i\r\r\n  no it\n",
};

static uint64_t draw(uint64_t *seed, uint64_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % n;
}

/* Pieces of the corpus, some bytes changed. */
static void mix(struct buf *out, uint64_t *seed)
{
	static const char special[] = "[]{}:,-?&*!|>'\"%@` \n\t#\\0a\x01\xff\xc3";

	buf_clear(out);
	for (uint64_t n = 1 + draw(seed, 3); n > 0; n--) {
		const char *text = corpus[draw(seed, ARRAY_LEN(corpus))];
		size_t from = draw(seed, 2) ? 0 : draw(seed, strlen(text));

		buf_add(out, text + from, 1 + draw(seed, strlen(text) - from));
	}
	for (uint64_t n = draw(seed, 4); n > 0; n--)
		out->text[draw(seed, out->len)] = special[draw(seed, sizeof(special))];
}

static void properties_hold_on_a_mixed_corpus(void **state)
{
	uint64_t seed = 7;
	struct buf text;

	(void)state;
	buf_init(&text, MOST_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
		fuzz_yaml((const uint8_t *)corpus[i], strlen(corpus[i]));
		fuzz_json((const uint8_t *)corpus[i], strlen(corpus[i]));
	}
	for (int i = 0; i < ROUNDS; i++) {
		mix(&text, &seed);
		fuzz_yaml((const uint8_t *)text.text, text.len);
		fuzz_json((const uint8_t *)text.text, text.len);
	}
	buf_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(properties_hold_on_a_mixed_corpus)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
