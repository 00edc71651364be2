// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "victim.hpp"
#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace victim {
namespace {

void allocate(int count, std::size_t size) {
    for (int i = 0; i < count; ++i) {
        sink = std::malloc(size);
    }
}

int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int forks() {
    void* const inherited = std::malloc(7501);
    allocate(3, 7502);
    const pid_t child = fork();
    if (child == 0) {
        allocate(5, 7503);
        std::free(inherited);
        return 0;
    }
    const int status = wait_for(child);
    std::free(inherited);
    allocate(2, 7504);
    return status;
}

void allocate_here() {
    std::free(std::malloc(7510));
}

template <std::size_t Street, std::size_t... House>
void allocate_along(std::index_sequence<House...> /*houses*/) {
    (std::free(std::malloc(7512 + 0 * House)), ...);
}

/// Allocates at 3,000 places: more than the recorder keeps at a time, so that it looks them up again and again.
template <std::size_t... Street>
void allocate_everywhere(std::index_sequence<Street...> /*streets*/) {
    (allocate_along<Street>(std::make_index_sequence<250>()), ...);
}

/// Forks while another thread is busy; each child uses the heap before it ends.
int forks_beside(void (*work)()) {
    volatile bool stop = false;
    std::thread busy([&stop, work] {
        while (!stop) {
            work();
        }
    });
    int failed = 0;
    for (int i = 0; i < 20; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            allocate(10, 7511);
            _exit(0);
        }
        failed += wait_for(child) != 0 ? 1 : 0;
    }
    stop = true;
    busy.join();
    return failed;
}

int vforks(char** argv) {
    allocate(1, 7521);
    char mode[] = "nothing";
    char* const command[] = {argv[0], mode, nullptr};
    const pid_t child = vfork();
    if (child == 0) {
        execv(argv[0], command);
        _exit(1);
    }
    const int status = wait_for(child);
    allocate(1, 7522);
    return status;
}

int execs(char** argv) {
    allocate(4, 7531);
    execl("/nonexistent/program", "program", static_cast<char*>(nullptr));
    allocate(1, 7532);
    execlp(argv[0], argv[0], "after_exec", static_cast<char*>(nullptr));
    return 1;
}

int spawns(char** argv) {
    allocate(1, 7541);
    char mode[] = "after_exec";
    char* const command[] = {argv[0], mode, nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, argv[0], nullptr, nullptr, command, environ) != 0) {
        return 1;
    }
    return wait_for(child);
}

/// Leaves a child behind that outlives the program by far. The test ends it.
int leaves_child() {
    const pid_t child = fork();
    if (child == 0) {
        allocate(6, 7551);
        std::FILE* const file = std::fopen(std::getenv("VICTIM_MARKER"), "w");
        std::fprintf(file, "%d", static_cast<int>(getpid()));
        std::fclose(file);
        std::fclose(stdout);
        std::fclose(stderr);
        sleep(60);
        _exit(0);
    }
    while (access(std::getenv("VICTIM_MARKER"), F_OK) != 0) {
        usleep(1000);
    }
    usleep(20'000);
    return 0;
}

/// Leaves a child behind that has not used its heap, and does nothing but sleep. The test ends it.
int leaves_silent_child() {
    const pid_t child = fork();
    if (child == 0) {
        sleep(60);
        _exit(0);
    }
    std::FILE* const file = std::fopen(std::getenv("VICTIM_MARKER"), "w");
    std::fprintf(file, "%d", static_cast<int>(child));
    std::fclose(file);
    return 0;
}

/// As a daemon does: the child begins its work when the program has gone.
int leaves_daemon() {
    const pid_t parent = getpid();
    if (fork() == 0) {
        while (getppid() == parent) {
            usleep(1000);
        }
        usleep(50'000);
        allocate(6, 7552);
        std::exit(0);
    }
    return 3;
}

/// Kills the recorder, then makes more events than all buffers would hold.
int outlives_recorder() {
    allocate(10, 7561);
    usleep(20'000);
    kill(getppid(), SIGKILL);
    for (int i = 0; i < 6'000'000; ++i) {
        std::free(std::malloc(7562));
    }
    std::fclose(std::fopen(std::getenv("VICTIM_MARKER"), "w"));
    return 0;
}

int counts_descriptors() {
    int count = 0;
    DIR* const folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) {
        count += 1;
    }
    closedir(folder);
    return count;
}

volatile sig_atomic_t seen = 0;

int waits_for_signal() {
    signal(SIGTERM, [](int number) { seen = number; });
    std::fclose(std::fopen(std::getenv("VICTIM_MARKER"), "w"));
    while (seen == 0) {
        usleep(1000);
    }
    return 40;
}

} // namespace

int processes(const char* mode, char** argv) {
    const std::string wanted = mode;
    if (wanted == "forks") {
        return forks();
    }
    if (wanted == "forks_under_load") {
        return forks_beside(allocate_here);
    }
    if (wanted == "forks_beside_lookups") {
        return forks_beside([] { allocate_everywhere(std::make_index_sequence<12>()); });
    }
    if (wanted == "vforks") {
        return vforks(argv);
    }
    if (wanted == "execs") {
        return execs(argv);
    }
    if (wanted == "after_exec") {
        allocate(2, 7533);
        return 7;
    }
    if (wanted == "spawns") {
        return spawns(argv);
    }
    if (wanted == "leaves_child") {
        return leaves_child();
    }
    if (wanted == "leaves_silent_child") {
        return leaves_silent_child();
    }
    if (wanted == "leaves_daemon") {
        return leaves_daemon();
    }
    if (wanted == "outlives_recorder") {
        return outlives_recorder();
    }
    if (wanted == "counts_descriptors") {
        return counts_descriptors();
    }
    if (wanted == "waits_for_signal") {
        return waits_for_signal();
    }
    allocate(11, 7571);
    if (wanted == "leaves_at_once") {
        _exit(3);
    }
    if (wanted == "aborts") {
        abort();
    }
    if (wanted == "kills_itself") {
        kill(getpid(), SIGKILL);
    }
    return wanted == "plain" ? 5 : not_mine;
}

} // namespace victim
