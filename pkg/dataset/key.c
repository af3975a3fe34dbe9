/* Bytes as one number, for look-ups. */
#include <string.h>

#include "dataset/internal.h"

/* Folded products, two words in each (wyhash, Wang Yi 2019). */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Fewer than eight bytes as the first of a word; a memcpy of so few would be a call. */
static uint64_t tail_word(const char *bytes, size_t len)
{
	uint64_t word = 0;
	uint32_t half;
	uint16_t quarter;

	if (len & 4) {
		memcpy(&half, bytes, sizeof(half));
		word = half;
		bytes += sizeof(half);
	}
	if (len & 2) {
		memcpy(&quarter, bytes, sizeof(quarter));
		word |= (uint64_t)quarter << 8 * (len & 4);
		bytes += sizeof(quarter);
	}
	if (len & 1)
		word |= (uint64_t)(unsigned char)*bytes << 8 * (len & 6);
	return word;
}

static uint64_t whole_word(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

uint64_t bytes_key(const char *bytes, size_t len, uint64_t seed)
{
	const char *end = bytes + len;
	uint64_t key = seed ^ UINT64_C(0xa0761d6478bd642f), first = 0;

	for (; end - bytes >= 16; bytes += 16)
		key = fold(whole_word(bytes) ^ UINT64_C(0xe7037ed1a0b428db), whole_word(bytes + 8) ^ key);
	if (end - bytes >= 8) {
		first = whole_word(bytes);
		bytes += 8;
	}
	key = fold(first ^ UINT64_C(0x8ebc6af09c88c6e3),
	           tail_word(bytes, (size_t)(end - bytes)) ^ key);
	return fold(key ^ len, UINT64_C(0x589965cc75374cc3) ^ seed);
}
