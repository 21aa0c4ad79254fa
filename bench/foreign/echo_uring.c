// A TCP echo server: a plain io_uring loop.
//
// SINGLE_ISSUER and DEFER_TASKRUN keep completions from interrupting the loop: they are run when it
// waits. Connections are direct descriptors, of one multishot accept. A request is a send with the
// next receive behind it, both submitted by the call that also waits: one system call serves all
// that are ready.
#define _GNU_SOURCE
#include "listen.h"
#include <errno.h>
#include <liburing.h>
#include <string.h>

enum { ENTRIES = 4096, CONNECTIONS = 4096, BUFFER = 1024 };

// What a completion belongs to: the low bits of user_data, above them the connection.
enum { ACCEPT, RECEIVE, SEND, END };

static struct io_uring ring;
static char (*buffers)[BUFFER];

static struct io_uring_sqe *entry(void) {
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&ring)))
        io_uring_submit(&ring);
    return sqe;
}

static void tell(struct io_uring_sqe *sqe, unsigned kind, unsigned connection) {
    io_uring_sqe_set_data64(sqe, (unsigned long long)connection << 2 | kind);
}

static void accept_all(int listener) {
    struct io_uring_sqe *sqe = entry();
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
    tell(sqe, ACCEPT, 0);
}

static void receive(unsigned connection) {
    struct io_uring_sqe *sqe = entry();
    io_uring_prep_recv(sqe, connection, buffers[connection], BUFFER, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST; // the next request is not there yet
    tell(sqe, RECEIVE, connection);
}

// A send that cannot be done at once fails, and ends the connection: who sends one message at a time
// never gets there. So the buffer is free again when the next receive behind it is begun.
static void reply(unsigned connection, unsigned length) {
    struct io_uring_sqe *sqe = entry();
    io_uring_prep_send(sqe, connection, buffers[connection], length,
                       MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    tell(sqe, SEND, connection);
    receive(connection);
}

static void shut(unsigned connection) {
    struct io_uring_sqe *sqe = entry();
    io_uring_prep_shutdown(sqe, connection, SHUT_RDWR);
    sqe->flags |= IOSQE_FIXED_FILE;
    tell(sqe, END, connection);
}

static void end(unsigned connection) {
    struct io_uring_sqe *sqe = entry();
    io_uring_prep_close_direct(sqe, connection);
    tell(sqe, END, connection);
}

int main(void) {
    int listener = listen_and_tell(0);
    buffers = calloc(CONNECTIONS, BUFFER);
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = 4 * ENTRIES};
    int error = io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (!error)
        error = io_uring_register_files_sparse(&ring, CONNECTIONS);
    if (!buffers || error < 0) {
        errno = -error;
        die("io_uring");
    }
    io_uring_register_ring_fd(&ring);
    accept_all(listener);
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            unsigned kind = cqe->user_data & 3, connection = cqe->user_data >> 2;
            count++;
            if (kind == ACCEPT) {
                if (cqe->res >= 0)
                    receive(cqe->res);
                if (!(cqe->flags & IORING_CQE_F_MORE))
                    accept_all(listener);
            } else if (kind == RECEIVE) {
                if (cqe->res > 0)
                    reply(connection, cqe->res);
                else
                    end(connection);
            } else if (kind == SEND) {
                shut(connection); // only a failure is told; the receive behind it sees the end
            }
        }
        io_uring_cq_advance(&ring, count);
    }
}
