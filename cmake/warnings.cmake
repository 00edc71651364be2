# SPDX-License-Identifier: MIT
# Warnings and sanitizers for what is built here; nothing of this reaches a user's build.
add_library(millpond_warnings INTERFACE)
target_compile_options(millpond_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wundef
    $<$<BOOL:${MILLPOND_WERROR}>:-Werror>)
if(MILLPOND_SANITIZE)
    add_compile_options(-fsanitize=${MILLPOND_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${MILLPOND_SANITIZE})
endif()
