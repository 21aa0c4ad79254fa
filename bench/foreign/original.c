// The scheme that barecoro started from, written anew from its description, as a baseline: an array
// of slots that the main context looks through for those that have something to run; a switch that
// pushes the registers and where to go on, and gets there by `ret`, which no processor predicts;
// every yield goes back to the main context; stacks that begin at whole pages. A line on standard
// input asks for so many laps; a line of nanoseconds and operations answers.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct slot {
    void *rsp;
    void (*func)(void);
};

static struct slot *slots;
static size_t count, current;
static void *main_rsp;

// Saves what a function must keep, and where to go on; then goes on elsewhere.
void switch_to(void **save, void *rsp);
__asm__(".text\n"
        "switch_to:\n"
        "push %r12; push %r13; push %r14; push %r15; push %rbp; push %rbx\n"
        "lea 1f(%rip), %rax\n"
        "push %rax\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"
        "ret\n"
        "1: pop %rbx; pop %rbp; pop %r15; pop %r14; pop %r13; pop %r12\n"
        "ret\n");

static void schedule(void) {
    switch_to(&slots[current].rsp, main_rsp);
}

// Resumes all that have something to run, one after the other.
static void run_all(void) {
    for (current = 0; current < count; current++)
        if (slots[current].func)
            switch_to(&main_rsp, slots[current].rsp);
}

static void entry(void) {
    slots[current].func();
    abort(); // no body ends
}

static void start(size_t index, void (*func)(void)) {
    const size_t size = 64 * 1024;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_GROWSDOWN, -1, 0);
    if (stack == MAP_FAILED)
        exit(1);
    uintptr_t *top = (uintptr_t *)(stack + size);
    top[-2] = (uintptr_t)entry; // the stack is aligned as after a call
    slots[index] = (struct slot){top - 2, func};
}

static void serve(uint64_t operations_per_lap) {
    for (uint64_t laps; scanf("%lu", &laps) == 1;) {
        for (uint64_t lap = 0; lap < (laps + 7) / 8; lap++) // the one before has left the caches full
            run_all();
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (uint64_t lap = 0; lap < laps; lap++)
            run_all();
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%ld %lu\n", (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec,
               laps * operations_per_lap);
        fflush(stdout);
    }
}

// What body K does between two yields.
#define BODY(K)                                                                                    \
    static void body_##K(void) {                                                                   \
        uint64_t scratch[8] = {K, K, K, K, K, K, K, K};                                            \
        for (uint64_t turn = 0;; turn++) {                                                         \
            uint64_t *one = &scratch[turn % 8];                                                    \
            *one = ((*one << (K + 1) | *one >> (63 - K)) ^ turn) + K;                              \
            __asm__ volatile("" : : "r"(scratch) : "memory");                                      \
            schedule();                                                                            \
        }                                                                                          \
    }
BODY(0) BODY(1) BODY(2) BODY(3) BODY(4) BODY(5) BODY(6) BODY(7)
BODY(8) BODY(9) BODY(10) BODY(11) BODY(12) BODY(13) BODY(14) BODY(15)

static void (*const bodies[16])(void) = {
    body_0, body_1, body_2, body_3, body_4, body_5, body_6, body_7,
    body_8, body_9, body_10, body_11, body_12, body_13, body_14, body_15,
};

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    int one_runnable = !strcmp(argv[1], "one_runnable");
    count = strtoul(argv[2], NULL, 10);
    slots = calloc(count, sizeof *slots);
    if (one_runnable) {
        start(count / 2, body_0);
    } else {
        for (size_t i = 0; i < count; i++)
            start(i, bodies[i % 16]);
    }
    serve(one_runnable ? 1 : count);
}
