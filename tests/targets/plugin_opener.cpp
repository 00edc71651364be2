// SPDX-License-Identifier: MIT
/// \file
/// usage: plugin_opener LIBRARY...   Opens all and has each work, then two of them at once: a thread that ends
/// in one library must not touch what another library keeps for a thread with the same index.
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

#include <dlfcn.h>

int main(int count, char** names) {
    using work = bool (*)(std::size_t);
    std::vector<work> plugins;
    for (int i = 1; i < count; ++i) {
        void* const library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            std::fprintf(stderr, "library %d of %d: %s\n", i, count - 1, dlerror());
            return 1;
        }
        plugins.push_back(reinterpret_cast<work>(dlsym(library, "plugin_work")));
        if (!plugins.back()(3)) {
            std::fprintf(stderr, "library %d: its pool is not sound\n", i);
            return 1;
        }
    }
    bool sound = true;
    std::thread busy([&] { sound = plugins[0](20'000); });
    for (int i = 0; i < 2'000; ++i) {
        std::thread([&] { plugins[1](1); }).join();
    }
    busy.join();
    std::printf("%d libraries opened%s\n", count - 1, sound ? "" : ", a pool is not sound");
    return sound ? 0 : 1;
}
