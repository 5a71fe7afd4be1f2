// Preloaded into a process: dies at, or refuses from, the n-th system call under one folder.
//
//   fault_arm(folder, n, how)   how 0: SIGKILL before the n-th call; -1: a write is half done first;
//                               an errno: that call and all later ones fail with it.
//                               n 0: count only. Begins to count from 0.
//   fault_count()               calls so far.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 65536
static char folder[4096];
static size_t length;
static long at, count;
static int how, armed;
static char under[MOST];  // descriptor -> it was opened under the folder

void fault_arm(const char *path, long n, int way) {
    armed = 0;
    strncpy(folder, path, sizeof folder - 1);
    length = strlen(folder);
    at = n, how = way, count = 0;
    armed = 1;
}

long fault_count(void) { return count; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int inside(int base, const char *path) {
    if (!armed || !path) return 0;
    if (path[0] != '/') return base >= 0 && base < MOST && under[base];
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int of(int handle) { return armed && handle >= 0 && handle < MOST && under[handle]; }

// 0: go on; 1: fail; a write that is to be half done comes back with 2.
static int meets(int write) {
    long now = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (!at || now < at) return 0;
    if (how > 0) { errno = how; return 1; }
    if (now > at) return 0;  // another thread, while this process ends
    if (how < 0 && write) return 2;
    die();
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

#define OPEN(name, ...) \
    int handle; mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); \
    } \
    REAL(name); \
    int mine = inside(base, path); \
    if (mine && meets(0)) return -1; \
    handle = real(__VA_ARGS__, flags, mode); \
    if (handle >= 0 && handle < MOST) under[handle] = mine; \
    return handle;

int open(const char *path, int flags, ...) { int base = -1; OPEN(open, path) }
int open64(const char *path, int flags, ...) { int base = -1; OPEN(open64, path) }
int openat(int base, const char *path, int flags, ...) { OPEN(openat, base, path) }
int openat64(int base, const char *path, int flags, ...) { OPEN(openat64, base, path) }

#define WRITE(half, ...) \
    int met = of(handle) ? meets(1) : 0; \
    if (met == 1) return -1; \
    if (met == 2) { half; die(); } \
    return real(__VA_ARGS__);

ssize_t write(int handle, const void *data, size_t size) {
    REAL(write); WRITE(real(handle, data, size / 2), handle, data, size)
}
ssize_t pwrite(int handle, const void *data, size_t size, off_t place) {
    REAL(pwrite); WRITE(real(handle, data, size / 2, place), handle, data, size, place)
}
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t place) {
    REAL(pwrite64); WRITE(real(handle, data, size / 2, place), handle, data, size, place)
}
ssize_t writev(int handle, const struct iovec *parts, int many) {
    REAL(writev); WRITE(real(handle, parts, many / 2), handle, parts, many)
}

#define PLAIN(name, type, mine, ...) \
    REAL(name); \
    if ((mine) && meets(0)) return -1; \
    return real(__VA_ARGS__);

int fsync(int handle) { PLAIN(fsync, int, of(handle), handle) }
int fdatasync(int handle) { PLAIN(fdatasync, int, of(handle), handle) }
int ftruncate(int handle, off_t size) { PLAIN(ftruncate, int, of(handle), handle, size) }
int ftruncate64(int handle, off64_t size) { PLAIN(ftruncate64, int, of(handle), handle, size) }
int truncate(const char *path, off_t size) { PLAIN(truncate, int, inside(-1, path), path, size) }
int truncate64(const char *path, off64_t size) {
    PLAIN(truncate64, int, inside(-1, path), path, size)
}
int rename(const char *old, const char *path) { PLAIN(rename, int, inside(-1, path), old, path) }
int renameat(int a, const char *old, int base, const char *path) {
    PLAIN(renameat, int, inside(base, path), a, old, base, path)
}
int unlink(const char *path) { PLAIN(unlink, int, inside(-1, path), path) }
int unlinkat(int base, const char *path, int flags) {
    PLAIN(unlinkat, int, inside(base, path), base, path, flags)
}
int mkdir(const char *path, mode_t mode) { PLAIN(mkdir, int, inside(-1, path), path, mode) }
int mkdirat(int base, const char *path, mode_t mode) {
    PLAIN(mkdirat, int, inside(base, path), base, path, mode)
}
int rmdir(const char *path) { PLAIN(rmdir, int, inside(-1, path), path) }
