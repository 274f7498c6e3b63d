// Counts the file operations of a process below one folder, and stops it before one of them.
//
// Loaded with LD_PRELOAD. `faults_arm(folder, number, how)` counts from 1 every call that can change
// a file or a folder below `folder`; before call `number` the process is killed (how = 0), or the
// call and all that follow fail with the error `how` (how > 0), or a write writes one byte only
// (how < 0). `faults_count()` says how many calls there were.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[4096];
static long number = -1, count = 0;
static int how = 0, once = 0;

void faults_arm(const char *below, long at, int what, int only_once) {
    strncpy(folder, below, sizeof folder - 1);
    number = at, how = what, once = only_once, count = 0;
}

long faults_count(void) { return count; }

static int below(const char *path) {
    char whole[8192];
    if (!folder[0] || !path) return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, 4096)) return 0;
        strncat(whole, "/", 2);
        strncat(whole, path, 4000);
        path = whole;
    }
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int is_below(int file) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return below(path);
}

// Whether the call is to fail; errno is then set. A process that is to be killed does not return.
static int fails(int concerned) {
    if (!concerned || number < 0) return 0;
    count++;
    if (count < number || (once && count > number)) return 0;
    if (number == 0) return 0;
    if (how == 0) kill(getpid(), SIGKILL), pause();
    if (how < 0) return 0;
    errno = how;
    return 1;
}

static int is_short(void) { return how < 0 && number > 0 && count == number; }

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

#define OPENS(name, ...)                                                                          \
    mode_t mode = 0;                                                                              \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                          \
        va_list more;                                                                             \
        va_start(more, flags);                                                                    \
        mode = va_arg(more, mode_t);                                                              \
        va_end(more);                                                                             \
    }                                                                                             \
    if (fails((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && below(path))) return -1;

int open(const char *path, int flags, ...) { OPENS() return REAL(open)(path, flags, mode); }
int open64(const char *path, int flags, ...) { OPENS() return REAL(open64)(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { OPENS() return REAL(openat)(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { OPENS() return REAL(openat64)(at, path, flags, mode); }

ssize_t write(int file, const void *bytes, size_t size) {
    if (fails(is_below(file))) return -1;
    return REAL(write)(file, bytes, is_short() && size > 1 && is_below(file) ? 1 : size);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    if (fails(is_below(file))) return -1;
    return REAL(pwrite)(file, bytes, size, at);
}
ssize_t writev(int file, const struct iovec *parts, int many) {
    if (fails(is_below(file))) return -1;
    return REAL(writev)(file, parts, many);
}
int rename(const char *from, const char *to) { return fails(below(to)) ? -1 : REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    return fails(below(to)) ? -1 : REAL(renameat)(a, from, b, to);
}
int unlink(const char *path) { return fails(below(path)) ? -1 : REAL(unlink)(path); }
int unlinkat(int at, const char *path, int flags) { return fails(is_below(at) || below(path)) ? -1 : REAL(unlinkat)(at, path, flags); }
int rmdir(const char *path) { return fails(below(path)) ? -1 : REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { return fails(below(path)) ? -1 : REAL(mkdir)(path, mode); }
int fsync(int file) { return fails(is_below(file)) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return fails(is_below(file)) ? -1 : REAL(fdatasync)(file); }
int ftruncate(int file, off_t size) { return fails(is_below(file)) ? -1 : REAL(ftruncate)(file, size); }
int ftruncate64(int file, off64_t size) { return fails(is_below(file)) ? -1 : REAL(ftruncate64)(file, size); }
int truncate(const char *path, off_t size) { return fails(below(path)) ? -1 : REAL(truncate)(path, size); }
int chmod(const char *path, mode_t mode) { return fails(below(path)) ? -1 : REAL(chmod)(path, mode); }
int link(const char *from, const char *to) { return fails(below(to)) ? -1 : REAL(link)(from, to); }
int symlink(const char *from, const char *to) { return fails(below(to)) ? -1 : REAL(symlink)(from, to); }
int close(int file) {
    // never fails: a process that is killed before it has closed a file is what is wanted
    fails(how == 0 && is_below(file));
    return REAL(close)(file);
}
