/*
 * A disk that fails and a clock that jumps, for one process: preloaded in front of libc (LD_PRELOAD), it answers the calls
 * that Node, LMDB and SQLite use to write files, and asks a control file what to do with them. Only files under one
 * folder are touched; the clock is the process's own.
 *
 *   TIDEMILL_SHIM_CONTROL  a file of `cells` 64-bit integers, mapped: whoever writes to it changes what happens from the
 *                          next call on
 *   TIDEMILL_SHIM_FOLDER   real path of the folder whose files are touched
 *   TIDEMILL_SHIM_JOURNAL  where the journal goes, outside of that folder; none: nothing is written down
 *
 * The journal has every write with its bytes, every change of a length or a name, and every sync, in the order in which
 * they took effect. A record is one append to a file of the page cache, which outlives a SIGKILL. From it and from the
 * folder as it was before, replay.ts makes what a disk may hold after the power went: a call is in the journal only after
 * it took effect, so what was cut off in between counts as not synced.
 *
 * Not seen: writes to mapped memory. LMDB maps its data for reading alone; what SQLite and LMDB map for writing
 * (`*-shm`, `lock.mdb`) holds nothing that must outlive a process, and is left out of the journal.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The cells of the control file; shim.ts has the same list. */
enum cell {
  FAULT,            /* one of the faults below */
  ROOM_BYTES,       /* FULL: how much files may still grow */
  WRITE_DELAY_US,   /* of every write */
  SYNC_DELAY_US,    /* of every sync, and of every write that syncs */
  CLOCK_OFFSET_US,  /* added to the wall clock */
  WRITES,           /* counted: writes that took effect */
  SYNCS,            /* counted: syncs that took effect */
  REFUSED,          /* counted: calls that were refused */
  cells
};

/* FULL: nothing grows (ENOSPC). READ_ONLY: nothing changes (EROFS). BROKEN: nothing is synced (EIO), as where a device fails
 * behind the page cache. */
enum fault { NONE, FULL, READ_ONLY, BROKEN };

enum op { OPENED = 1, WRITTEN, RESIZED, SYNCED, RENAMED, UNLINKED, FOLDER_SYNCED };

/* Before each record's payload: the bytes of a write, or a path (two for a renaming, with a zero between). */
struct record {
  uint32_t magic;
  uint8_t op;
  uint8_t durable; /* a write that was on the disk when it returned (O_DSYNC, O_SYNC) */
  uint16_t unused;
  uint64_t inode;
  int64_t at;      /* offset of a write, new length, length when opened; of a sync: how much of the journal it covers */
  int64_t bytes;   /* of the payload */
};
#define RECORD_MAGIC 0x314d4954u

enum { most_files = 65536 };
struct watched {
  uint8_t on;
  uint8_t folder;
  uint8_t durable;
  uint8_t mapped; /* changed through memory: not in the journal */
  uint64_t inode;
  dev_t device;
};
static struct watched files[most_files];

static volatile int64_t *control;
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))next(#name))

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

/* Looked up once: these are called often. */
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_close)(int);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  if (real_write != NULL) return;
  real_pwrite = REAL(pwrite);
  real_writev = REAL(writev);
  real_pwritev = REAL(pwritev);
  real_close = REAL(close);
  real_openat = REAL(openat);
  real_clock_gettime = REAL(clock_gettime);
  real_write = REAL(write);
  const char *file = getenv("TIDEMILL_SHIM_CONTROL");
  const char *under = getenv("TIDEMILL_SHIM_FOLDER");
  if (file == NULL || under == NULL) return;
  int fd = real_openat(AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, cells * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  real_close(fd);
  if (mapped == MAP_FAILED) return;
  snprintf(folder, sizeof folder, "%s", under);
  folder_length = strlen(folder);
  const char *into = getenv("TIDEMILL_SHIM_JOURNAL");
  if (into != NULL && *into != 0) {
    journal = real_openat(AT_FDCWD, into, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0) {
      fprintf(stderr, "shim: no journal at %s: %s\n", into, strerror(errno));
      abort();
    }
  }
  control = mapped;
}

/* ------------------------------------------------------------------ faults */

static int64_t cell(enum cell which) { return control == NULL ? 0 : control[which]; }

static void count(enum cell which) { __atomic_add_fetch(&control[which], 1, __ATOMIC_RELAXED); }

static int refuse(int error) {
  count(REFUSED);
  errno = error;
  return -1;
}

static void delay(enum cell which) {
  int64_t us = cell(which);
  if (us <= 0) return;
  struct timespec left = {us / 1000000, us % 1000000 * 1000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/* What a call that changes something is refused with, whatever it changes; 0: nothing. */
static int change_fault(void) { return cell(FAULT) == READ_ONLY ? EROFS : 0; }

/* The same of a call that syncs. */
static int sync_fault(void) { return cell(FAULT) == BROKEN ? EIO : change_fault(); }

/* How many of `wanted` bytes at `at` fit on the disk: only what lies behind the end of a file takes room. */
static ssize_t fitting(int fd, int64_t at, size_t wanted) {
  if (cell(FAULT) != FULL) return (ssize_t)wanted;
  struct stat now;
  if (fstat(fd, &now) != 0) return (ssize_t)wanted;
  int64_t growth = at + (int64_t)wanted - now.st_size;
  if (growth <= 0) return (ssize_t)wanted;
  int64_t left = __atomic_sub_fetch(&control[ROOM_BYTES], growth, __ATOMIC_RELAXED);
  if (left >= 0) return (ssize_t)wanted;
  control[ROOM_BYTES] = 0;
  int64_t fits = (int64_t)wanted + left;
  return fits > 0 ? (ssize_t)fits : 0;
}

/* ----------------------------------------------------------------- journal */

static int journaled(const struct watched *file) { return journal >= 0 && !file->mapped; }

static void append(struct record record, const struct iovec *payload, int parts) {
  record.magic = RECORD_MAGIC;
  struct iovec all[1 + IOV_MAX] = {{&record, sizeof record}};
  int used = 1;
  int64_t left = record.bytes;
  for (int i = 0; i < parts && left > 0 && used < IOV_MAX; i++, used++) {
    size_t length = payload[i].iov_len < (size_t)left ? payload[i].iov_len : (size_t)left;
    all[used] = (struct iovec){payload[i].iov_base, length};
    left -= (int64_t)length;
  }
  if (real_writev(journal, all, used) < (ssize_t)(sizeof record + (size_t)record.bytes)) {
    fprintf(stderr, "shim: the journal does not take a record: %s\n", strerror(errno));
    abort();
  }
}

static void append_text(struct record record, const char *text, size_t bytes) {
  struct iovec payload = {(void *)text, bytes};
  record.bytes = (int64_t)bytes;
  append(record, &payload, 1);
}

/* The part of an absolute path below the folder; NULL for one elsewhere. */
static const char *below(const char *path) {
  if (control == NULL || path == NULL || strncmp(path, folder, folder_length) != 0) return NULL;
  if (path[folder_length] == 0) return "";
  return path[folder_length] == '/' ? path + folder_length + 1 : NULL;
}

static int ends_in(const char *text, const char *end) {
  size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Looks whether it is the same file still: libuv closes some with a system call, and a socket may have the number now. */
static struct watched *watched(int fd) {
  if (control == NULL || fd < 0 || fd >= most_files || !files[fd].on) return NULL;
  struct stat now;
  if (fstat(fd, &now) == 0 && now.st_ino == files[fd].inode && now.st_dev == files[fd].device) return &files[fd];
  files[fd].on = 0;
  return NULL;
}

static void watch(int fd, int flags) {
  if (control == NULL || fd < 0 || fd >= most_files) return;
  files[fd].on = 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  const char *name = below(path);
  struct stat now;
  if (name == NULL || fstat(fd, &now) != 0 || !(S_ISREG(now.st_mode) || S_ISDIR(now.st_mode))) return;
  struct watched file = {
      .on = 1,
      .folder = S_ISDIR(now.st_mode),
      .durable = (flags & O_DSYNC) != 0,
      .mapped = ends_in(name, "-shm") || ends_in(name, "lock.mdb"),
      .inode = now.st_ino,
      .device = now.st_dev,
  };
  files[fd] = file;
  if (file.folder || !journaled(&file)) return;
  pthread_mutex_lock(&order);
  append_text((struct record){.op = OPENED, .inode = file.inode, .at = now.st_size}, name, strlen(name));
  pthread_mutex_unlock(&order);
}

/* ----------------------------------------------------------- open and close */

static int changes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0; }

static int open_watched(int at, const char *path, int flags, mode_t mode) {
  begin();
  if (below(path) != NULL && changes(flags)) {
    int fault = change_fault();
    if (fault != 0) return refuse(fault);
    if (cell(FAULT) == FULL && cell(ROOM_BYTES) <= 0 && (flags & O_CREAT) && access(path, F_OK) != 0)
      return refuse(ENOSPC);
  }
  int fd = real_openat(at, path, flags, mode);
  watch(fd, flags);
  struct watched *file = flags & O_TRUNC ? watched(fd) : NULL;
  if (file != NULL && journaled(file)) {
    pthread_mutex_lock(&order);
    append((struct record){.op = RESIZED, .inode = file->inode, .at = 0}, NULL, 0);
    pthread_mutex_unlock(&order);
  }
  return fd;
}

#define MODE_OF(last)                          \
  mode_t mode = 0;                             \
  if (flags & (O_CREAT | O_TMPFILE)) {         \
    va_list more;                              \
    va_start(more, last);                      \
    mode = (mode_t)va_arg(more, int);          \
    va_end(more);                              \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_watched(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_watched(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_watched(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_watched(at, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
  begin();
  if (fd >= 0 && fd < most_files) files[fd].on = 0;
  return real_close(fd);
}

/* ------------------------------------------------------------------ writing */

static ssize_t put(int fd, const struct iovec *parts, int count_of, off_t at) {
  if (count_of == 1) {
    return at < 0 ? real_write(fd, parts->iov_base, parts->iov_len) : real_pwrite(fd, parts->iov_base, parts->iov_len, at);
  }
  return at < 0 ? real_writev(fd, parts, count_of) : real_pwritev(fd, parts, count_of, at);
}

static off_t where(int fd) {
  struct stat now;
  if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &now) == 0) return now.st_size;
  return lseek(fd, 0, SEEK_CUR);
}

/* `at` below 0: where the file's own position is. */
static ssize_t write_watched(int fd, const struct iovec *parts, int count_of, off_t at) {
  begin();
  struct watched *file = watched(fd);
  if (file == NULL) return put(fd, parts, count_of, at);
  delay(WRITE_DELAY_US);
  if (file->durable) delay(SYNC_DELAY_US);
  int fault = file->durable ? sync_fault() : change_fault();
  if (fault != 0) return refuse(fault);
  size_t wanted = 0;
  for (int i = 0; i < count_of; i++) wanted += parts[i].iov_len;
  pthread_mutex_lock(&order);
  off_t from = at < 0 ? where(fd) : at;
  ssize_t fits = fitting(fd, from, wanted);
  ssize_t done = -1;
  if (fits == (ssize_t)wanted) {
    done = put(fd, parts, count_of, at);
  } else if (fits > 0) {
    struct iovec first = {parts->iov_base, parts->iov_len < (size_t)fits ? parts->iov_len : (size_t)fits};
    done = put(fd, &first, 1, at);
  } else {
    refuse(ENOSPC);
  }
  int error = errno;
  if (done > 0 && journaled(file)) {
    append((struct record){.op = WRITTEN, .durable = file->durable, .inode = file->inode, .at = from, .bytes = done}, parts,
           count_of);
  }
  if (done > 0) count(WRITES);
  pthread_mutex_unlock(&order);
  errno = error;
  return done;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  struct iovec part = {(void *)data, bytes};
  return write_watched(fd, &part, 1, -1);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
  struct iovec part = {(void *)data, bytes};
  return write_watched(fd, &part, 1, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) { return pwrite(fd, data, bytes, at); }

ssize_t writev(int fd, const struct iovec *parts, int count_of) { return write_watched(fd, parts, count_of, -1); }

ssize_t pwritev(int fd, const struct iovec *parts, int count_of, off_t at) {
  return write_watched(fd, parts, count_of, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count_of, off64_t at) {
  return write_watched(fd, parts, count_of, at);
}

static int resize(int fd, off_t bytes, int (*change)(int, int, off_t, off_t), off_t from, int mode) {
  begin();
  struct watched *file = watched(fd);
  if (file == NULL) return change(fd, mode, from, bytes);
  delay(WRITE_DELAY_US);
  int fault = change_fault();
  if (fault != 0) return refuse(fault);
  pthread_mutex_lock(&order);
  int answer = -1;
  if (fitting(fd, from, (size_t)bytes) < (ssize_t)bytes) {
    refuse(ENOSPC);
  } else {
    answer = change(fd, mode, from, bytes);
    struct stat now;
    if (answer == 0 && journaled(file) && fstat(fd, &now) == 0)
      append((struct record){.op = RESIZED, .inode = file->inode, .at = now.st_size}, NULL, 0);
  }
  int error = errno;
  pthread_mutex_unlock(&order);
  errno = error;
  return answer;
}

static int by_ftruncate(int fd, int mode, off_t from, off_t bytes) {
  (void)mode, (void)from;
  return REAL(ftruncate)(fd, bytes);
}

static int by_fallocate(int fd, int mode, off_t from, off_t bytes) { return REAL(fallocate)(fd, mode, from, bytes); }

int ftruncate(int fd, off_t bytes) { return resize(fd, bytes, by_ftruncate, 0, 0); }
int ftruncate64(int fd, off64_t bytes) { return resize(fd, bytes, by_ftruncate, 0, 0); }
int fallocate(int fd, int mode, off_t from, off_t bytes) { return resize(fd, bytes, by_fallocate, from, mode); }
int fallocate64(int fd, int mode, off64_t from, off64_t bytes) { return resize(fd, bytes, by_fallocate, from, mode); }
int posix_fallocate(int fd, off_t from, off_t bytes) {
  return resize(fd, bytes, by_fallocate, from, 0) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t from, off64_t bytes) { return posix_fallocate(fd, from, bytes); }

/* ------------------------------------------------------------------ syncing */

static int sync_watched(int fd, int (*change)(int)) {
  begin();
  struct watched *file = watched(fd);
  if (file == NULL) return change(fd);
  delay(SYNC_DELAY_US);
  int fault = sync_fault();
  if (fault != 0) return refuse(fault);
  /* what others write while this runs may miss it */
  pthread_mutex_lock(&order);
  off_t covers = journal < 0 ? 0 : lseek(journal, 0, SEEK_END);
  pthread_mutex_unlock(&order);
  int answer = change(fd);
  if (answer != 0) return answer;
  count(SYNCS);
  if (!journaled(file)) return 0;
  pthread_mutex_lock(&order);
  append((struct record){.op = file->folder ? FOLDER_SYNCED : SYNCED, .inode = file->inode, .at = covers}, NULL, 0);
  pthread_mutex_unlock(&order);
  return 0;
}

int fsync(int fd) { return sync_watched(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_watched(fd, REAL(fdatasync)); }

/* -------------------------------------------------------------------- names */

static int may_change(const char *path) {
  begin();
  return below(path) == NULL ? 0 : change_fault();
}

int rename(const char *from, const char *to) {
  int fault = may_change(to);
  if (fault != 0) return refuse(fault);
  const char *old = below(from), *new = below(to);
  if (journal < 0 || old == NULL || new == NULL) return REAL(rename)(from, to);
  pthread_mutex_lock(&order);
  int answer = REAL(rename)(from, to);
  if (answer == 0) {
    char both[2 * PATH_MAX];
    int length = snprintf(both, sizeof both, "%s%c%s", old, 0, new);
    append_text((struct record){.op = RENAMED}, both, (size_t)length);
  }
  pthread_mutex_unlock(&order);
  return answer;
}

int unlink(const char *path) {
  int fault = may_change(path);
  if (fault != 0) return refuse(fault);
  const char *name = below(path);
  if (journal < 0 || name == NULL) return REAL(unlink)(path);
  pthread_mutex_lock(&order);
  int answer = REAL(unlink)(path);
  if (answer == 0) append_text((struct record){.op = UNLINKED}, name, strlen(name));
  pthread_mutex_unlock(&order);
  return answer;
}

int mkdir(const char *path, mode_t mode) {
  int fault = may_change(path);
  if (fault != 0 && access(path, F_OK) != 0) return refuse(fault);
  return REAL(mkdir)(path, mode);
}

int access(const char *path, int how) {
  begin();
  if ((how & W_OK) != 0 && below(path) != NULL && cell(FAULT) == READ_ONLY) return refuse(EROFS);
  return REAL(access)(path, how);
}

/* --------------------------------------------------------------------- room */

int statfs(const char *path, struct statfs *into) {
  begin();
  int answer = REAL(statfs)(path, into);
  if (answer == 0 && below(path) != NULL && cell(FAULT) == FULL) {
    into->f_bfree = into->f_bavail = (uint64_t)cell(ROOM_BYTES) / (uint64_t)into->f_bsize;
  }
  return answer;
}

int statfs64(const char *path, struct statfs64 *into) { return statfs(path, (struct statfs *)into); }

/* -------------------------------------------------------------------- clock */

int clock_gettime(clockid_t clock, struct timespec *into) {
  begin();
  int answer = real_clock_gettime(clock, into);
  int64_t offset = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? cell(CLOCK_OFFSET_US) : 0;
  if (answer != 0 || offset == 0) return answer;
  int64_t us = into->tv_nsec / 1000 + offset;
  into->tv_sec += us / 1000000;
  us %= 1000000;
  if (us < 0) {
    us += 1000000;
    into->tv_sec -= 1;
  }
  into->tv_nsec = us * 1000 + into->tv_nsec % 1000;
  return 0;
}

int gettimeofday(struct timeval *into, void *zone) {
  (void)zone;
  struct timespec now;
  int answer = clock_gettime(CLOCK_REALTIME, &now);
  if (answer == 0) *into = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return answer;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}
