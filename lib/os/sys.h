/* SPDX-License-Identifier: MIT */
/*
 * The whole contract with the kernel for memory, time and files.  Every call
 * returns a value or -errno, never touches errno, never allocates, and may be
 * used while no lock is held that another thread's malloc can need.
 */
#ifndef ASHLAR_OS_SYS_H
#define ASHLAR_OS_SYS_H

#include "base/bits.h"

/* Size of a base page in bytes: 4, 16 or 64 KiB.  Valid after os_init(). */
extern size_t os_page_size;

void os_init(void);

void *os_reserve(size_t len);
int os_commit(void *addr, size_t len);
void *os_map(size_t len);
void *os_map_read(int fd, size_t len, u64 offset);
void os_unmap(void *addr, size_t len);
int os_map_fixed(void *addr, size_t len, int flags, int fd, u64 offset);
int os_decommit(void *addr, size_t len);
int os_advise(void *addr, size_t len, int advice);
int os_move_pages_to(void *from, void *to, size_t len);
int os_protect_none(void *addr, size_t len);

u64 os_now_ms(void);
u64 os_now_ns(void);
u64 os_cpu_ns(void);

int os_open(const char *path, int flags);
void os_close(int fd);
long os_read(int fd, void *buf, size_t len);
long os_write(int fd, const void *buf, size_t len);
long os_read_file(const char *path, char *buf, size_t len);
size_t os_number(const char *text);
size_t os_max_mappings(void);
int os_getpid(void);
long os_random(void *buf, size_t len);
size_t os_address_space_left(void);

#endif
