// A TCP echo server: a plain epoll loop, as a C programmer in a hurry for speed would write it.
//
// Connections are edge-triggered. A read that does not fill the buffer has emptied the socket, so
// there is no second one just to be told EAGAIN: a request costs a read and a write, and one
// epoll_wait serves all that are ready.
#define _GNU_SOURCE
#include "listen.h"
#include <errno.h>
#include <sys/epoll.h>

enum { EVENTS = 512, BUFFER = 1024 };

// Returns whether the connection lives on. A reply that does not fit into the socket's buffer ends
// it: who sends one message at a time never gets there.
static int serve(int fd) {
    static char buffer[BUFFER];
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0 || write(fd, buffer, got) != got)
            return 0;
        if (got < BUFFER)
            return 1;
    }
}

int main(void) {
    int listener = listen_and_tell(SOCK_NONBLOCK);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) < 0)
        die("epoll");
    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                if (!serve(fd))
                    close(fd);
                continue;
            }
            int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (accepted < 0)
                continue;
            event.events = EPOLLIN | EPOLLET | EPOLLRDHUP;
            event.data.fd = accepted;
            if (epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event) < 0)
                die("epoll_ctl");
        }
    }
}
