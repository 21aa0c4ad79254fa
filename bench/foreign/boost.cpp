// The workloads of this benchmark for Boost.Context's fibers. A line on standard input asks for so
// many laps; a line of nanoseconds and operations answers.
#include <array>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace context = boost::context;
using context::fiber;
using std::uint64_t;

// Stacks from malloc, without guards: no loss of speed for Boost.
constexpr std::size_t stack_size = 64 * 1024, small_stack_size = 16 * 1024;

template <class Run> void serve(uint64_t operations_per_lap, Run run) {
    for (uint64_t laps; std::scanf("%lu", &laps) == 1;) {
        run((laps + 7) / 8); // the one before has left the caches full of its own
        auto start = std::chrono::steady_clock::now();
        run(laps);
        std::chrono::nanoseconds time = std::chrono::steady_clock::now() - start;
        std::printf("%ld %lu\n", long(time.count()), laps * operations_per_lap);
        std::fflush(stdout);
    }
}

// A word in and a word out, through a variable that both sides know.
static uint64_t word;

static inline void suspend(fiber &resumer) {
    word += 1;
    resumer = std::move(resumer).resume();
}

[[gnu::noinline]] static void first(fiber &resumer) {
    suspend(resumer);
    asm volatile(""); // something after the call, or it would become a jump
}
[[gnu::noinline]] static void second(fiber &resumer) {
    first(resumer);
    asm volatile("");
}
[[gnu::noinline]] static void third(fiber &resumer) {
    second(resumer);
    asm volatile("");
}

template <class Body> void round_trip(Body body) {
    constexpr uint64_t lap = 1000;
    fiber coroutine(std::allocator_arg, context::fixedsize_stack(stack_size),
                    [body](fiber &&resumer) {
                        for (;;)
                            body(resumer);
                        return std::move(resumer);
                    });
    serve(lap, [&](uint64_t laps) {
        for (uint64_t i = 0; i < laps * lap; i++)
            coroutine = std::move(coroutine).resume();
    });
}

// What body K does between two yields, and then yields.
template <uint64_t K> fiber body(fiber &&resumer) {
    uint64_t scratch[8];
    for (auto &one : scratch)
        one = K;
    for (uint64_t turn = 0;; turn++) {
        uint64_t &one = scratch[turn % 8];
        one = ((one << (K + 1) | one >> (63 - K)) ^ turn) + K;
        asm volatile("" : : "r"(scratch) : "memory");
        resumer = std::move(resumer).resume();
    }
    return std::move(resumer);
}

template <std::size_t... K> auto bodies(std::index_sequence<K...>) {
    return std::array<fiber (*)(fiber &&), sizeof...(K)>{body<K>...};
}

static void yield(std::size_t n) {
    auto all = bodies(std::make_index_sequence<16>());
    std::size_t size = n > 1000 ? small_stack_size : stack_size;
    std::vector<fiber> fibers;
    for (std::size_t i = 0; i < n; i++)
        fibers.emplace_back(std::allocator_arg, context::fixedsize_stack(size), all[i % 16]);
    serve(n, [&](uint64_t laps) {
        for (uint64_t i = 0; i < laps; i++)
            for (auto &one : fibers)
                one = std::move(one).resume();
    });
}

int main(int count, char **arguments) {
    auto is = [&](const char *name) { return count > 1 && !std::strcmp(arguments[1], name); };
    if (is("round_trip"))
        round_trip([](fiber &resumer) { suspend(resumer); });
    else if (is("round_trip_outlined"))
        round_trip([](fiber &resumer) { first(resumer); });
    else if (is("round_trip_deep"))
        round_trip([](fiber &resumer) { third(resumer); });
    else if (is("yield") && count > 2)
        yield(std::strtoul(arguments[2], nullptr, 10));
    else
        return 2;
    std::_Exit(0); // the fibers are suspended for ever
}
