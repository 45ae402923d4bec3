/* A disk that takes its time, for one program: loaded before the C library (LD_PRELOAD), it makes whatever waits for the disk wait longer.
 * The file that SLOW_DISK_DIAL names holds two numbers of 64 bits: how many microseconds longer, which may be changed at any time, and how
 * often somebody has waited. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct dial {
    _Atomic uint64_t longer_us;
    _Atomic uint64_t waits;
};

static struct dial *dial;

__attribute__((constructor)) static void find_dial(void) {
    const char *path = getenv("SLOW_DISK_DIAL");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct dial), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        dial = mapped;
}

static void wait_longer(void) {
    if (!dial)
        return;
    atomic_fetch_add(&dial->waits, 1);
    uint64_t longer_us = atomic_load(&dial->longer_us);
    struct timespec longer = {(time_t)(longer_us / 1000000), (long)(longer_us % 1000000) * 1000};
    if (longer_us > 0)
        nanosleep(&longer, NULL);
}

int fsync(int file) {
    wait_longer();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_longer();
    return (int)syscall(SYS_fdatasync, file);
}

int sync_file_range(int file, off64_t from, off64_t count, unsigned int flags) {
    wait_longer();
    return (int)syscall(SYS_sync_file_range, file, from, count, flags);
}

int msync(void *from, size_t count, int flags) {
    wait_longer();
    return (int)syscall(SYS_msync, from, count, flags);
}
