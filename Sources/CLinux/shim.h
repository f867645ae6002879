#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H
// Linux calls that Swift's Glibc module leaves out.
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int clinux_epoll_add(int epoll, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
static inline int clinux_epoll_modify(int epoll, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}
static inline int clinux_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }
static inline int clinux_epoll_fd(const struct epoll_event *event) { return event->data.fd; }

static inline uint32_t clinux_epoll_in(void) { return EPOLLIN; }
static inline uint32_t clinux_epoll_out(void) { return EPOLLOUT; }
static inline uint32_t clinux_epoll_failed(void) { return EPOLLERR | EPOLLHUP; }
static inline int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/// The signals of the process are handled elsewhere: a loop's thread blocks all of them.
static inline void clinux_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}
/// Names the calling thread; Linux keeps 15 bytes. prctl(2), PR_SET_NAME.
static inline void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
// glibc 2.34 and 2.29; its spawn.h shows them to _GNU_SOURCE alone, which Swift's Glibc module does not define.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
/// A pipe whose ends are not inherited over exec. pipe2(2).
extern int pipe2(int ends[2], int flags);
static inline int clinux_pipe(int ends[2]) { return pipe2(ends, 02000000 /* O_CLOEXEC */); }
/// The child gets no descriptor from `from` up.
static inline int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
/// The child starts in the directory `path`.
static inline int clinux_spawn_directory(posix_spawn_file_actions_t *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}
/// The child leads a session of its own. posix_spawnattr_setflags(3), POSIX_SPAWN_SETSID.
static inline short clinux_spawn_set_session(void) { return 0x80; }
/// The child is sent `signal` when its parent dies. prctl(2), PR_SET_PDEATHSIG.
static inline int clinux_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }

/// Two connected stream sockets, non-blocking, not inherited over exec. socketpair(2).
static inline int clinux_socket_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}
/// A descriptor that is readable once the process has ended; close-on-exec. pidfd_open(2), Linux 5.3.
static inline int clinux_pidfd_open(pid_t pid) { return (int)syscall(434, pid, 0); }
/// kill(2) that cannot hit a later process with the same id. pidfd_send_signal(2), Linux 5.1.
static inline int clinux_pidfd_signal(int pidfd, int signal) { return (int)syscall(424, pidfd, signal, NULL, 0); }

/// The child leads a session of its own, blocks no signal, and treats every signal by default. <spawn.h>
static inline int clinux_spawn_detached(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
    // 0x80 is POSIX_SPAWN_SETSID.
    if (error == 0) error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80);
    return error;
}

// Declared by glibc for _GNU_SOURCE only. dl_iterate_phdr(3).
struct clinux_object {
    ElfW(Addr) base;
    const char *name;
    const ElfW(Phdr) *headers;
    ElfW(Half) count;
};
extern int dl_iterate_phdr(int (*visit)(void *, size_t, void *), void *data);
static inline int clinux_release_object(void *raw, size_t size, void *page) {
    const struct clinux_object *object = (const struct clinux_object *)raw;
    uintptr_t mask = ~(*(uintptr_t *)page - 1);
    (void)size;
    for (int index = 0; index < object->count; index++) {
        const ElfW(Phdr) *header = &object->headers[index];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W)) continue;
        uintptr_t from = (object->base + header->p_vaddr) & mask;
        uintptr_t to = (object->base + header->p_vaddr + header->p_memsz) & mask;
        if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}
/// Unmaps what is mapped of the program's and its libraries' read-only parts. They are never written, so a page that is
/// needed again comes back from the file's cache. madvise(2), MADV_DONTNEED.
static inline void clinux_release_read_only_pages(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(clinux_release_object, &page);
}
#endif
