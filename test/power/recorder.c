/*
 * Preloaded into a process that uses the store: tells what reaches the device, and when, or makes the device fail.
 *
 *   POWER_TRACE  file to append the trace to
 *   POWER_WATCH  only files whose path holds this text
 *   POWER_NOSYNC the negative controls: `all` swallows every sync, `data` those of data but not LMDB's header (O_DSYNC)
 *   POWER_FAIL   write|sync|space and POWER_FAIL_NTH n: the nth such call, and each after it, fails (EIO, EIO, ENOSPC);
 *                `space` counts the writes that make a file longer, for only those need room
 *
 * Trace, little-endian, one record after the other: u8 kind, u32 file, u64 offset, u32 length, then `length` bytes:
 *   W written · C the write that is record `offset` is on the device (O_DSYNC) · T truncated to `offset`
 *   s a sync of the file begins · S the sync that began at record `offset` has ended
 *   O opened: its path · R renamed: two paths, NUL between · U unlinked: its path · F folder synced: its path
 *   M mark: bytes that the traced program wrote to the file POWER_MARK
 * A mark is never held up by a sync of another thread, so it stands in the trace where the program was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 4096
enum { NOT_OURS = 0, DATA, DATA_DSYNC, MARK, FOLDER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace_fd = -1, no_sync, no_dsync, fail_nth = -1, calls;
static const char *watch, *mark, *fail_kind = "";
static unsigned char kind_of[FILES_MAX];
static uint32_t file_of[FILES_MAX];
static char *paths[FILES_MAX];
static uint32_t files;
static uint64_t records;

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static ssize_t raw_write(int fd, const void *bytes, size_t length) { REAL(write); return real(fd, bytes, length); }

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("POWER_TRACE");
  watch = getenv("POWER_WATCH");
  mark = getenv("POWER_MARK");
  no_sync = getenv("POWER_NOSYNC") != NULL;
  no_dsync = no_sync && strcmp(getenv("POWER_NOSYNC"), "all") == 0;
  if (getenv("POWER_FAIL")) fail_kind = getenv("POWER_FAIL");
  if (getenv("POWER_FAIL_NTH")) fail_nth = atoi(getenv("POWER_FAIL_NTH"));
  if (path) {
    static int (*real_open)(const char *, int, ...);
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    trace_fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
}

/* One write call per record: records of several threads never mix. The caller holds the lock. Returns its number. */
static uint64_t record(char kind, uint32_t file, uint64_t offset, const void *bytes, uint32_t length) {
  if (trace_fd < 0) return 0;
  unsigned char head[17];
  head[0] = (unsigned char)kind;
  memcpy(head + 1, &file, 4);
  memcpy(head + 5, &offset, 8);
  memcpy(head + 13, &length, 4);
  char *whole = malloc(sizeof head + length);
  memcpy(whole, head, sizeof head);
  if (length) memcpy(whole + sizeof head, bytes, length);
  if (raw_write(trace_fd, whole, sizeof head + length) != (ssize_t)(sizeof head + length)) abort();
  free(whole);
  return records++;
}

static int watched(const char *path) { return path && watch && strstr(path, watch) != NULL; }

static int ours(int fd) { return fd >= 0 && fd < FILES_MAX ? kind_of[fd] : NOT_OURS; }

static uint32_t number_of(const char *path) {
  for (uint32_t i = 0; i < files; i++) if (strcmp(paths[i], path) == 0) return i;
  if (files == FILES_MAX) abort();
  paths[files] = strdup(path);
  return files++;
}

static void opened(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= FILES_MAX) return;
  pthread_mutex_lock(&lock);
  kind_of[fd] = NOT_OURS;
  struct stat status;
  if (mark && strcmp(path, mark) == 0) kind_of[fd] = MARK;
  else if (watched(path) && fstat(fd, &status) == 0) {
    if (S_ISDIR(status.st_mode)) kind_of[fd] = FOLDER;
    else if (!strstr(path, "-lock") && (flags & (O_WRONLY | O_RDWR))) kind_of[fd] = (flags & O_DSYNC) ? DATA_DSYNC : DATA;
    if (kind_of[fd] != NOT_OURS) {
      file_of[fd] = number_of(path);
      if (kind_of[fd] != FOLDER) record('O', file_of[fd], 0, path, strlen(path));
      if (flags & O_TRUNC) record('T', file_of[fd], 0, NULL, 0);
    }
  }
  pthread_mutex_unlock(&lock);
}

static int fails(const char *kind, int fd, off_t end) {
  struct stat status;
  int longer = strcmp(fail_kind, "space") == 0 && strcmp(kind, "write") == 0;
  if (fail_nth < 0 || (!longer && strcmp(kind, fail_kind) != 0)) return 0;
  if (longer && (fstat(fd, &status) != 0 || end <= status.st_size)) return 0;
  if (__sync_add_and_fetch(&calls, 1) < fail_nth) return 0;
  errno = longer ? ENOSPC : EIO;
  return 1;
}

static size_t length_of(const struct iovec *parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += parts[i].iov_len;
  return sum;
}

#define OPEN(name, ...)                                             \
  mode_t mode = 0;                                                  \
  if (flags & (O_CREAT | O_TMPFILE)) {                              \
    va_list list;                                                   \
    va_start(list, flags);                                          \
    mode = va_arg(list, mode_t);                                    \
    va_end(list);                                                   \
  }                                                                 \
  REAL(name);                                                       \
  int fd = real(__VA_ARGS__, flags, mode);                          \
  opened(fd, path, flags);                                          \
  return fd;

int open(const char *path, int flags, ...) { OPEN(open, path) }
int open64(const char *path, int flags, ...) { OPEN(open64, path) }
int openat(int at, const char *path, int flags, ...) { OPEN(openat, at, path) }
int openat64(int at, const char *path, int flags, ...) { OPEN(openat64, at, path) }

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < FILES_MAX) kind_of[fd] = NOT_OURS;
  return real(fd);
}

static void wrote(int fd, const void *bytes, ssize_t length, off_t offset) {
  if (length > 0) record(ours(fd) == MARK ? 'M' : 'W', file_of[fd], (uint64_t)offset, bytes, (uint32_t)length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  if (ours(fd) == NOT_OURS) return real(fd, bytes, length);
  if (ours(fd) != MARK && fails("write", fd, lseek(fd, 0, SEEK_CUR) + (off_t)length)) return -1;
  pthread_mutex_lock(&lock);
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = real(fd, bytes, length);
  wrote(fd, bytes, done, at);
  pthread_mutex_unlock(&lock);
  return done;
}

/* Through O_DSYNC: written as soon as the call begins, on the device when it has returned. */
static void committed(int fd, uint64_t number) {
  if (no_dsync) return;
  pthread_mutex_lock(&lock);
  record('C', file_of[fd], number, NULL, 0);
  pthread_mutex_unlock(&lock);
}

#define PWRITE(name, offset_t)                                                      \
  ssize_t name(int fd, const void *bytes, size_t length, offset_t offset) {         \
    REAL(name);                                                                     \
    if (ours(fd) == NOT_OURS) return real(fd, bytes, length, offset);               \
    if (fails("write", fd, (off_t)(offset + length))) return -1;                                                  \
    pthread_mutex_lock(&lock);                                                      \
    if (ours(fd) == DATA_DSYNC) {                                                   \
      uint64_t number = record('W', file_of[fd], (uint64_t)offset, bytes, (uint32_t)length); \
      pthread_mutex_unlock(&lock);                                                  \
      ssize_t written = real(fd, bytes, length, offset);                            \
      if (written == (ssize_t)length) committed(fd, number);                        \
      return written;                                                               \
    }                                                                               \
    ssize_t done = real(fd, bytes, length, offset);                                 \
    wrote(fd, bytes, done, (off_t)offset);                                          \
    pthread_mutex_unlock(&lock);                                                    \
    return done;                                                                    \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static void wrote_all(int fd, const struct iovec *parts, int count, ssize_t done, off_t offset) {
  for (int i = 0; i < count && done > 0; i++) {
    ssize_t here = (ssize_t)parts[i].iov_len < done ? (ssize_t)parts[i].iov_len : done;
    wrote(fd, parts[i].iov_base, here, offset);
    offset += here;
    done -= here;
  }
}

#define PWRITEV(name, offset_t)                                                     \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_t offset) {     \
    REAL(name);                                                                     \
    if (ours(fd) == NOT_OURS) return real(fd, parts, count, offset);                \
    if (fails("write", fd, (off_t)(offset + length_of(parts, count)))) return -1;                                                  \
    pthread_mutex_lock(&lock);                                                      \
    ssize_t done = real(fd, parts, count, offset);                                  \
    wrote_all(fd, parts, count, done, (off_t)offset);                               \
    pthread_mutex_unlock(&lock);                                                    \
    return done;                                                                    \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  if (ours(fd) == NOT_OURS) return real(fd, parts, count);
  if (ours(fd) != MARK && fails("write", fd, lseek(fd, 0, SEEK_CUR) + (off_t)length_of(parts, count))) return -1;
  pthread_mutex_lock(&lock);
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = real(fd, parts, count);
  wrote_all(fd, parts, count, done, at);
  pthread_mutex_unlock(&lock);
  return done;
}

/* A sync covers what was written before the call, and counts from its return. */
#define SYNC(name)                                                                  \
  int name(int fd) {                                                                \
    REAL(name);                                                                     \
    if (ours(fd) == NOT_OURS) return real(fd);                                      \
    if (fails("sync", fd, 0)) return -1;                                                   \
    if (no_sync) return 0;                                                          \
    pthread_mutex_lock(&lock);                                                      \
    uint64_t number = record('s', file_of[fd], 0, NULL, 0);                         \
    pthread_mutex_unlock(&lock);                                                    \
    int failed = real(fd);                                                          \
    pthread_mutex_lock(&lock);                                                      \
    if (!failed && ours(fd) == FOLDER) record('F', file_of[fd], 0, paths[file_of[fd]], strlen(paths[file_of[fd]])); \
    else if (!failed) record('S', file_of[fd], number, NULL, 0);                    \
    pthread_mutex_unlock(&lock);                                                    \
    return failed;                                                                  \
  }
SYNC(fsync)
SYNC(fdatasync)

int msync(void *at, size_t length, int flags) {
  REAL(msync);
  return no_sync ? 0 : real(at, length, flags);
}

#define TRUNCATE(name, offset_t)                                                    \
  int name(int fd, offset_t length) {                                               \
    REAL(name);                                                                     \
    if (ours(fd) == NOT_OURS) return real(fd, length);                              \
    pthread_mutex_lock(&lock);                                                      \
    int failed = real(fd, length);                                                  \
    if (!failed) record('T', file_of[fd], (uint64_t)length, NULL, 0);               \
    pthread_mutex_unlock(&lock);                                                    \
    return failed;                                                                  \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
  REAL(rename);
  if (!watched(from) && !watched(to)) return real(from, to);
  pthread_mutex_lock(&lock);
  int failed = real(from, to);
  if (!failed) {
    size_t length = strlen(from) + 1 + strlen(to);
    char *both = malloc(length + 1);
    strcpy(both, from);
    strcpy(both + strlen(from) + 1, to);
    record('R', 0, 0, both, (uint32_t)length);
    free(both);
  }
  pthread_mutex_unlock(&lock);
  return failed;
}

int unlink(const char *path) {
  REAL(unlink);
  if (!watched(path)) return real(path);
  pthread_mutex_lock(&lock);
  int failed = real(path);
  if (!failed) record('U', 0, 0, path, strlen(path));
  pthread_mutex_unlock(&lock);
  return failed;
}
