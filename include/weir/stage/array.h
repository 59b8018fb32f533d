/* SPDX-License-Identifier: MIT
 *
 * weir/stage/array.h - n values of one type as one value: what a fan-out makes, and a map takes and makes.
 *
 * An array has n PLACES in one block of memory. A place holds a value, or it is empty: all are when the array is made,
 * weir_array_put fills one, and weir_array_at gives NULL for one that is empty. What a stage makes on 0 has none that
 * is; a map that collects its failures (WEIR_EPARTIAL, stage/map.h) leaves those empty that failed. n and items may be
 * read directly: items is the address of the first place.
 *     for (size_t i = 0; i < words_len(in); i++)
 *             length += strlen(*words_at(in, i));
 * A zeroed array has no places and needs no memory, as any array of none.
 *
 * An array owns its values, and is a value itself: weir_array_type makes the type for channels, stages and arrays of
 * arrays. Two such types are equal if those of the values are: what they are made of is folded into its arg.
 * The memory of an array that a stage made goes back to the call it came from when the array is dropped, wherever and
 * whenever that is, and is used for the next one; so a call whose arrays have about the same size allocates only until
 * as many are there as are alive at one time. What is not used goes when the call and its last array have gone.
 *
 * WEIR_ARRAY_DECLARE(words, word)                of a token (core/typed.h); words is a token too
 *     words_t             a struct around a weir_array        words_type()         its weir_type
 *     words_new(rt, n, &a)                                    words_len(&a)
 *     words_at(&a, i)     word_t *, or NULL                   words_put(&a, i, &v) words_take(&a, i, &v)
 *     words_drop(&a)                                          words_copy(&from, &to)
 * The type is made before main (a constructor), so it can be used anywhere after that.
 *
 * PAIRWISE THREAD-SAFETY: an array is used by one task at a time, or read by several. Different arrays never
 * conflict. */
#ifndef WEIR_STAGE_ARRAY_H
#define WEIR_STAGE_ARRAY_H

#include <weir/base.h>
#include <weir/core/chan.h>

WEIR_EXTERN_C_BEGIN

typedef struct weir_array {
	size_t n;
	void *items;
	uint64_t opaque_[2];
} weir_array;

/* The type of arrays of `of`. It can be copied if the values can.
 * Owner: the name stays of's. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API weir_type weir_array_type(const weir_type *of);

/* An array of n empty places.
 * Owner: *out is the caller's; of is copied. Threads: any. Blocks: no. Fails: WEIR_EINVAL (no type), WEIR_EOVERFLOW
 * (more than fits into memory), WEIR_ENOMEM; *out is untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_array_new(weir_rt *rt, const weir_type *of, size_t n, weir_array *out);

/* The value in the i-th place (from 0), or NULL: it is empty, or there is none.
 * Owner: the array's. Threads: see above. Blocks: no. Fails: NULL. After cancel: unchanged. */
WEIR_API void *weir_array_at(const weir_array *a, size_t i);

/* Moves a value into the i-th place.
 * Owner: the array's on 0, else still the caller's. Threads: see above. Blocks: no. Fails: WEIR_EINVAL (no such place),
 * WEIR_EBUSY (it holds a value). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_array_put(weir_array *a, size_t i, const void *value);

/* Moves the value out of the i-th place; false: it is empty, or there is none.
 * Owner: *out is the caller's. Threads: see above. Blocks: no. Fails: false. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK bool weir_array_take(weir_array *a, size_t i, void *out);

/* A second array with copies of all values; empty places stay empty.
 * Owner: *to is the caller's. Threads: from is only read. Blocks: as the copy of a value. Fails: WEIR_EINVAL (they
 * cannot be copied), WEIR_ENOMEM, the code of a copy; *to is untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_array_copy(const weir_array *from, weir_array *to);

/* Drops all values and the memory, and zeroes *a. NULL and zeroed arrays are allowed.
 * Owner: takes them. Threads: see above. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_array_drop(weir_array *a);

#define WEIR_ARRAY_DECLARE(name, of)                                                              \
	typedef struct {                                                                          \
		weir_array array;                                                                 \
	} name##_t;                                                                               \
	static weir_type name##_type_;                                                            \
	__attribute__((constructor)) static void name##_type_made_(void)                          \
	{                                                                                         \
		name##_type_ = weir_array_type(of##_type());                                      \
	}                                                                                         \
	WEIR_INLINE const weir_type *name##_type(void)                                            \
	{                                                                                         \
		return &name##_type_;                                                             \
	}                                                                                         \
	WEIR_INLINE WEIR_MUST_CHECK int name##_new(weir_rt *rt_, size_t n_, name##_t *out_)       \
	{                                                                                         \
		return weir_array_new(rt_, of##_type(), n_, &out_->array);                        \
	}                                                                                         \
	WEIR_INLINE size_t name##_len(const name##_t *a_)                                         \
	{                                                                                         \
		return a_->array.n;                                                               \
	}                                                                                         \
	WEIR_INLINE of##_t *name##_at(const name##_t *a_, size_t i_)                              \
	{                                                                                         \
		return (of##_t *)weir_array_at(&a_->array, i_);                                   \
	}                                                                                         \
	WEIR_INLINE WEIR_MUST_CHECK int name##_put(name##_t *a_, size_t i_, const of##_t *value_) \
	{                                                                                         \
		return weir_array_put(&a_->array, i_, value_);                                    \
	}                                                                                         \
	WEIR_INLINE WEIR_MUST_CHECK bool name##_take(name##_t *a_, size_t i_, of##_t *out_)       \
	{                                                                                         \
		return weir_array_take(&a_->array, i_, out_);                                     \
	}                                                                                         \
	WEIR_INLINE WEIR_MUST_CHECK int name##_copy(const name##_t *from_, name##_t *to_)         \
	{                                                                                         \
		return weir_array_copy(&from_->array, &to_->array);                               \
	}                                                                                         \
	WEIR_INLINE void name##_drop(name##_t *a_)                                                \
	{                                                                                         \
		weir_array_drop(a_ ? &a_->array : NULL);                                          \
	}                                                                                         \
	struct weir_token_array_##name##_

WEIR_EXTERN_C_END

#endif
