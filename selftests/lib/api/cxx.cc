// SPDX-License-Identifier: MIT
/*
 * cxx.cc - every form of operator new and delete, the new handler, and the
 * standard library's containers on top of them.
 */
#include "ktap.h"
#include "testlib.h"

#include <cerrno>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <dlfcn.h>
#include <malloc.h>

static const std::size_t impossible = SIZE_MAX / 2 + 1;
static const std::align_val_t wide{256};

static void expect_block(void *p, std::size_t size, std::size_t align)
{
	if (!EXPECT(p, "NULL for size %zu", size))
		return;
	EXPECT(!((uintptr_t)p % align), "%p for alignment %zu", p, align);
	EXPECT(malloc_usable_size(p) >= size, "usable %zu of %zu",
	       malloc_usable_size(p), size);
	memset(p, 0x77, size);
}

static void plain_forms()
{
	for (std::size_t size = 0; size < 70000; size += 1 + size / 8) {
		void *p = ::operator new(size), *q = ::operator new[](size);

		expect_block(p, size, size >= 16 ? 16 : 1);
		expect_block(q, size, size >= 16 ? 16 : 1);
		EXPECT(p != q, "%p twice", p);
		::operator delete(p);
		::operator delete[](q);
		::operator delete(::operator new(size), size);
		::operator delete[](::operator new[](size), size);
	}
}

static void nothrow_forms()
{
	for (std::size_t size = 0; size < 70000; size += 1 + size / 8) {
		void *p = ::operator new(size, std::nothrow);
		void *q = ::operator new[](size, std::nothrow);

		expect_block(p, size, size >= 16 ? 16 : 1);
		expect_block(q, size, size >= 16 ? 16 : 1);
		::operator delete(p, std::nothrow);
		::operator delete[](q, std::nothrow);
	}
}

static void aligned_forms()
{
	for (std::size_t at = 1; at <= 1 << 21; at *= 2) {
		std::align_val_t align{at};
		std::size_t size = at * 3 + 5;
		void *p;

		p = ::operator new(size, align);
		expect_block(p, size, at);
		::operator delete(p, align);
		p = ::operator new[](size, align);
		expect_block(p, size, at);
		::operator delete[](p, align);
		p = ::operator new(size, align);
		expect_block(p, size, at);
		::operator delete(p, size, align);
		p = ::operator new[](size, align);
		expect_block(p, size, at);
		::operator delete[](p, size, align);
		p = ::operator new(size, align, std::nothrow);
		expect_block(p, size, at);
		::operator delete(p, align, std::nothrow);
		p = ::operator new[](size, align, std::nothrow);
		expect_block(p, size, at);
		::operator delete[](p, align, std::nothrow);
	}
}

static void delete_null()
{
	errno = 66;
	::operator delete(nullptr);
	::operator delete[](nullptr);
	::operator delete(nullptr, std::size_t(8));
	::operator delete[](nullptr, std::size_t(8));
	::operator delete(nullptr, wide);
	::operator delete(nullptr, std::size_t(8), wide);
	::operator delete(nullptr, std::nothrow);
	::operator delete[](nullptr, wide, std::nothrow);
	EXPECT_EQ(66, errno);
}

/* Return: 1 if the call threw std::bad_alloc, 0 if it returned (its block is
 * lost: the test has failed).
 */
template <typename Fn> static int throws(Fn fn)
{
	try {
		(void)fn();
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}

static void impossible_sizes_throw()
{
	EXPECT(throws([] { return ::operator new(impossible); }), "no throw");
	EXPECT(throws([] { return ::operator new[](impossible); }),
	       "no throw");
	EXPECT(throws([] { return ::operator new(impossible, wide); }),
	       "no throw");
	EXPECT(throws([] { return ::operator new[](impossible, wide); }),
	       "no throw");
	EXPECT(!::operator new(impossible, std::nothrow), "not NULL");
	EXPECT(!::operator new[](impossible, std::nothrow), "not NULL");
	EXPECT(!::operator new(impossible, wide, std::nothrow), "not NULL");
	EXPECT(!::operator new[](impossible, wide, std::nothrow), "not NULL");
}

static int nr_handled;

static void handler()
{
	if (++nr_handled % 3 == 0)
		std::set_new_handler(nullptr);
}

static void throwing_handler()
{
	nr_handled++;
	throw std::bad_alloc();
}

static void new_handler_is_called()
{
	nr_handled = 0;
	std::set_new_handler(handler);
	EXPECT(throws([] { return ::operator new(impossible); }), "no throw");
	EXPECT_EQ(3, nr_handled);
	std::set_new_handler(handler);
	EXPECT(!::operator new(impossible, std::nothrow), "not NULL");
	EXPECT_EQ(6, nr_handled);
	std::set_new_handler(handler);
	EXPECT(throws([] { return ::operator new(impossible, wide); }),
	       "no throw");
	EXPECT_EQ(9, nr_handled);
}

/* A handler that throws: nothrow forms turn that into NULL. */
static void handler_may_throw()
{
	nr_handled = 0;
	std::set_new_handler(throwing_handler);
	EXPECT(throws([] { return ::operator new(impossible); }), "no throw");
	EXPECT(!::operator new(impossible, std::nothrow), "not NULL");
	EXPECT(!::operator new[](impossible, std::nothrow), "not NULL");
	EXPECT(!::operator new(impossible, wide, std::nothrow), "not NULL");
	std::set_new_handler(nullptr);
	EXPECT_EQ(4, nr_handled);
}

struct alignas(128) Wide {
	char bytes[200];
	static int nr_alive;
	Wide() { nr_alive++; }
	~Wide() { nr_alive--; }
};

int Wide::nr_alive;

static void over_aligned_type()
{
	for (int i = 1; i < 200; i++) {
		auto one = std::make_unique<Wide>();
		std::unique_ptr<Wide[]> many(new Wide[i]);

		EXPECT(!((uintptr_t)one.get() % 128), "%p", (void *)one.get());
		EXPECT(!((uintptr_t)&many[i - 1] % 128), "%p",
		       (void *)&many[i - 1]);
	}
	EXPECT_EQ(0, Wide::nr_alive);
}

static void fill_containers(unsigned int seed)
{
	std::map<int, std::string> ordered;
	std::unordered_map<std::string, std::vector<int>> hashed;
	struct rng rng = {seed};

	for (int i = 0; i < 20000; i++) {
		int key = (int)rng_below(&rng, 3000);
		std::string name(1 + key % 100, 'a' + key % 26);

		ordered[key] = name + std::to_string(key);
		hashed[ordered[key]].push_back(key);
		if (i % 3 == 0)
			ordered.erase((int)rng_below(&rng, 3000));
	}
	for (const auto &each : ordered)
		EXPECT(each.second.size() > 1 &&
			       each.second[0] == 'a' + each.first % 26,
		       "%s at %d", each.second.c_str(), each.first);
	for (const auto &each : hashed)
		for (int key : each.second)
			EXPECT(each.first[0] == 'a' + key % 26, "%d", key);
}

static void containers()
{
	fill_containers(1);
}

static void containers_in_threads()
{
	std::vector<std::thread> threads;

	for (unsigned int i = 0; i < 6; i++)
		threads.emplace_back(fill_containers, i);
	for (auto &thread : threads)
		thread.join();
}

static void exceptions()
{
	for (int i = 0; i < 5000; i++) {
		try {
			std::string long_text(1000, 'x');
			throw std::runtime_error(long_text + "!");
		} catch (const std::exception &e) {
			EXPECT(strlen(e.what()) == 1001, "%zu",
			       strlen(e.what()));
		}
	}
}

/* The operators must be Ashlar's own, not libstdc++'s on top of its malloc. */
static void operators_are_provided()
{
	static const char *const names[] = {
		"_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm",
		"_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t",
		"_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t",
		"_ZnwmSt11align_val_t", "_ZnamSt11align_val_t",
		"_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t",
		"_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t",
		"_ZnwmSt11align_val_tRKSt9nothrow_t",
		"_ZnamSt11align_val_tRKSt9nothrow_t",
		"_ZdlPvSt11align_val_tRKSt9nothrow_t",
		"_ZdaPvSt11align_val_tRKSt9nothrow_t"};
	Dl_info first, info;

	if (!is_ashlar()) {
		ktap_skip("not running under libashlar");
		return;
	}
	dladdr(dlsym(RTLD_DEFAULT, "malloc"), &first);
	for (const char *name : names) {
		void *at = dlsym(RTLD_DEFAULT, name);

		if (EXPECT(at && dladdr(at, &info), "no %s", name))
			EXPECT(info.dli_fbase == first.dli_fbase,
			       "%s from %s", name, info.dli_fname);
	}
}

struct Static {
	std::vector<std::string> words;
	Static()
	{
		for (int i = 0; i < 1000; i++)
			words.push_back(std::string(50, 'w'));
	}
	~Static()
	{
		for (const auto &word : words)
			if (word != std::string(50, 'w'))
				abort();
		words.push_back("late");
	}
};

static Static before_and_after_main;

static void static_object()
{
	EXPECT_EQ(1000, before_and_after_main.words.size());
}

/* Under a limit of 32 MiB ("inner"): new throws, nothrow new returns NULL, and
 * what was had before is freed and had again.
 */
static int under_hard_limit()
{
	for (int round = 0; round < 3; round++) {
		std::vector<char *> blocks;
		bool has_thrown = false;

		blocks.reserve(4096);
		try {
			while (blocks.size() < 4096)
				blocks.push_back(new char[20000]);
		} catch (const std::bad_alloc &) {
			has_thrown = true;
		}
		if (!has_thrown || blocks.size() * 20000 < 16 << 20)
			return 2;
		if (new (std::nothrow) char[32 << 20])
			return 3;
		for (char *block : blocks)
			delete[] block;
	}
	return 0;
}

static void hard_limit_throws()
{
	char self[] = "/proc/self/exe", word[] = "inner";
	char *argv[] = {self, word, nullptr};
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("not running under libashlar");
		return;
	}
	child_exec(&child, argv, "hard_limit:32M");
	EXPECT(!child_code(&child), "code %d: %s", child_code(&child),
	       child.text);
}

static const struct ktap_test tests[] = {
	{"plain_forms", plain_forms},
	{"nothrow_forms", nothrow_forms},
	{"aligned_forms", aligned_forms},
	{"delete_null", delete_null},
	{"impossible_sizes_throw", impossible_sizes_throw},
	{"new_handler_is_called", new_handler_is_called},
	{"handler_may_throw", handler_may_throw},
	{"over_aligned_type", over_aligned_type},
	{"containers", containers},
	{"containers_in_threads", containers_in_threads},
	{"exceptions", exceptions},
	{"hard_limit_throws", hard_limit_throws},
	{"operators_are_provided", operators_are_provided},
	{"static_object", static_object},
	{nullptr, nullptr},
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "inner"))
		return under_hard_limit();
	return ktap_main(tests, argc, argv);
}
