/* Loaded with LD_PRELOAD: of all calls that write, by every process of a command, the one with the number FAULT_AT fails
 * once, with the error FAULT_ERROR, or ends the process group (FAULT_ERROR=kill). The count is in the file FAULT_COUNTER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static long *counter;

static int fails(void) {
    if (!counter) {
        const char *path = getenv("FAULT_COUNTER");
        REAL("open", int, const char *, int, ...);
        int fd = path ? real(path, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0) return 0;
        counter = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (counter == MAP_FAILED) { counter = NULL; return 0; }
    }
    const char *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERROR");
    if (__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) != (at ? atol(at) : 0) || !error) return 0;
    if (!strcmp(error, "kill")) { kill(0, SIGKILL); raise(SIGKILL); }
    errno = atoi(error);
    return 1;
}

static int on_disk(int fd) {
    struct stat about;
    return !fstat(fd, &about) && S_ISREG(about.st_mode);
}

static int in_files(const char *path) { return strncmp(path, "/dev/", 5) && strncmp(path, "/proc/", 6); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    return on_disk(fd) && fails() ? -1 : real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t);
    return on_disk(fd) && fails() ? -1 : real(fd, data, size, at);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    return on_disk(fd) && fails() ? -1 : real(fd, parts, count);
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
    REAL("sendfile64", ssize_t, int, int, off64_t *, size_t);
    return on_disk(to) && fails() ? -1 : real(to, from, at, size);
}
ssize_t copy_file_range(int from, off64_t *x, int to, off64_t *y, size_t size, unsigned flags) {
    REAL("copy_file_range", ssize_t, int, off64_t *, int, off64_t *, size_t, unsigned);
    return on_disk(to) && fails() ? -1 : real(from, x, to, y, size, flags);
}

/* What a stream still holds is written as it is flushed or closed, by the C library itself. A failure loses it. */
static int holds(FILE *stream) { return stream && __fpending(stream) && on_disk(fileno(stream)); }
int fflush(FILE *stream) {
    REAL("fflush", int, FILE *);
    if (!holds(stream) || !fails()) return real(stream);
    __fpurge(stream);
    return EOF;
}
int fclose(FILE *stream) {
    REAL("fclose", int, FILE *);
    if (!holds(stream) || !fails()) return real(stream);
    int error = errno;
    __fpurge(stream);
    real(stream);
    errno = error;
    return EOF;
}
FILE *fopen64(const char *path, const char *mode) {
    REAL("fopen64", FILE *, const char *, const char *);
    return mode[0] != 'r' && in_files(path) && fails() ? NULL : real(path, mode);
}
int mkstemp64(char *path) {
    REAL("mkstemp64", int, char *);
    return fails() ? -1 : real(path);
}

#define OPENS(name) \
int name(const char *path, int flags, ...) { \
    REAL(#name, int, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    return (flags & O_CREAT) && in_files(path) && fails() ? -1 : real(path, flags, mode); \
}
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
int name(int at, const char *path, int flags, ...) { \
    REAL(#name, int, int, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    return (flags & O_CREAT) && in_files(path) && fails() ? -1 : real(at, path, flags, mode); \
}
OPENS_AT(openat)
OPENS_AT(openat64)

#define CALL(name, params, args, ...) \
int name params { \
    REAL(#name, int, __VA_ARGS__); \
    return fails() ? -1 : real args; \
}
CALL(rename, (const char *a, const char *b), (a, b), const char *, const char *)
CALL(renameat, (int x, const char *a, int y, const char *b), (x, a, y, b), int, const char *, int, const char *)
CALL(link, (const char *a, const char *b), (a, b), const char *, const char *)
CALL(linkat, (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f), int, const char *, int, const char *, int)
CALL(symlink, (const char *a, const char *b), (a, b), const char *, const char *)
CALL(symlinkat, (const char *a, int y, const char *b), (a, y, b), const char *, int, const char *)
CALL(mkdir, (const char *a, mode_t m), (a, m), const char *, mode_t)
CALL(mkdirat, (int x, const char *a, mode_t m), (x, a, m), int, const char *, mode_t)
CALL(fdatasync, (int fd), (fd), int)
CALL(fsync, (int fd), (fd), int)
CALL(ftruncate64, (int fd, off64_t size), (fd, size), int, off64_t)
CALL(truncate64, (const char *a, off64_t size), (a, size), const char *, off64_t)
CALL(fchmod, (int fd, mode_t m), (fd, m), int, mode_t)
CALL(fchmodat, (int x, const char *a, mode_t m, int f), (x, a, m, f), int, const char *, mode_t, int)
CALL(chmod, (const char *a, mode_t m), (a, m), const char *, mode_t)
