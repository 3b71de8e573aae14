#ifndef HOMEOSTAT_CPROCESSES_SHIM_H
#define HOMEOSTAT_CPROCESSES_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <unistd.h>

// Declared here: _GNU_SOURCE, which shows it, also changes fd_set, and then this module cannot be imported beside Glibc.
int pipe2(int ends[2], int flags);

// A pipe that no child inherits, whichever thread starts one at that moment; reader first.
static inline int homeostat_processes_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

static inline int homeostat_processes_add_folder(posix_spawn_file_actions_t *actions, const char *folder) {
    return posix_spawn_file_actions_addchdir_np(actions, folder);
}

static inline int homeostat_processes_add_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

// Where the handler writes. Static, so each file that uses it has one of its own: TerminationSignals.swift is the one.
static int homeostat_processes_signal_writer = -1;

// In C because nothing here may allocate, lock or be initialised lazily: it runs on any thread, in the middle of anything.
static inline void homeostat_processes_note_signal(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    // A pipe that is full says already what this would.
    ssize_t count = write(homeostat_processes_signal_writer, &byte, 1);
    (void)count;
    errno = error;
}

// Sets where signals go, before the first of them is watched.
static inline void homeostat_processes_set_signal_writer(int writer) { homeostat_processes_signal_writer = writer; }

// Writes the numbers of these signals from now on, and keeps what happened to them until now.
static inline int homeostat_processes_watch_signal(int number, struct sigaction *previous) {
    struct sigaction action = {0};
    action.sa_handler = homeostat_processes_note_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, previous);
}

#endif
