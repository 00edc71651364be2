# SPDX-License-Identifier: MIT
# Runs one consumer: cmake -D CONSUMER=name -D SOURCE= -D BUILD= -D WORK= -D COMPILER= -D GENERATOR=
# -D PKG_CONFIG= -P consume.cmake. Fails with the output of the step that failed.
cmake_minimum_required(VERSION 3.24)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(prefix ${WORK}/prefix)
set(folder ${WORK}/${CONSUMER})
set(cmake_options -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=Release)

# run(COMMAND...) stops at a failure; run_refused(TEXT COMMAND...) stops unless the command fails
# and says TEXT.
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "failed (${status}): ${ARGN}\n${said}")
    endif()
endfunction()

function(run_refused text)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(status EQUAL 0)
        message(FATAL_ERROR "should have failed: ${ARGN}\n${said}")
    endif()
    if(NOT said MATCHES "${text}")
        message(FATAL_ERROR "failed, but without saying '${text}': ${ARGN}\n${said}")
    endif()
endfunction()

# One file instead of many: whoever adds the sources to a build of their own compiles them one by one, and
# that is tried once, in add_subdirectory.
set(in_one_file -D CMAKE_UNITY_BUILD=ON -D CMAKE_UNITY_BUILD_BATCH_SIZE=0)

# install_library(TO CMAKE_OPTION...) builds the library as a packager would. The prefix is made
# under another name and moved, so that a path that was baked in leads nowhere.
function(install_library to)
    file(REMOVE_RECURSE ${to} ${to}-staged ${to}-build)
    run(${CMAKE_COMMAND} -S ${SOURCE} -B ${to}-build ${cmake_options} ${in_one_file}
        -D MILLPOND_BUILD_TESTS=OFF -D MILLPOND_BUILD_TOOL=OFF
        -D CMAKE_INSTALL_PREFIX=${to}-staged -D CMAKE_INSTALL_LIBDIR=lib ${ARGN})
    run(${CMAKE_COMMAND} --build ${to}-build)
    run(${CMAKE_COMMAND} --install ${to}-build)
    file(REMOVE_RECURSE ${to}-build)
    file(RENAME ${to}-staged ${to})
endfunction()

# build_library(TO CMAKE_OPTION...) builds the checked library alone, in as few files as it can be.
function(build_library to)
    file(REMOVE_RECURSE ${to})
    run(${CMAKE_COMMAND} -S ${SOURCE} -B ${to} ${cmake_options}
        -D MILLPOND_BUILD_TESTS=OFF -D MILLPOND_BUILD_TOOL=OFF -D CMAKE_BUILD_TYPE=Debug
        ${in_one_file} ${ARGN})
    run(${CMAKE_COMMAND} --build ${to} --target millpond)
endfunction()

# has(FLAG) sets `has` to whether the compiler makes a program with it.
function(has flag)
    file(MAKE_DIRECTORY ${folder})
    file(WRITE ${folder}/empty.cpp "int main() {}\n")
    execute_process(COMMAND ${COMPILER} ${flag} ${folder}/empty.cpp -o ${folder}/empty
        RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    set(has FALSE PARENT_SCOPE)
    if(status EQUAL 0)
        set(has TRUE PARENT_SCOPE)
    endif()
endfunction()

# needs(FLAG) skips the test where the compiler has no such flag. Sanitizers may not start where the kernel
# randomises addresses widely: `in_fixed_addresses` goes before their programs.
macro(needs flag)
    has(${flag})
    if(NOT has)
        message("skipped: ${COMPILER} has no ${flag}")
        return()
    endif()
    set(in_fixed_addresses setarch -R)
    execute_process(COMMAND ${in_fixed_addresses} true RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(NOT status EQUAL 0)
        set(in_fixed_addresses)
    endif()
endmacro()

# build_and_run(PROJECT CMAKE_OPTION...) builds a project of this folder and runs its programs.
function(build_and_run project)
    file(REMOVE_RECURSE ${folder})
    run(${CMAKE_COMMAND} -S ${here}/${project} -B ${folder} ${cmake_options} ${ARGN})
    run(${CMAKE_COMMAND} --build ${folder})
    run(${folder}/checked)
    run(${folder}/unchecked)
endfunction()

# flags_of(PACKAGE) sets `flags` from pkg-config. The prefix alone is searched.
function(flags_of package)
    set(ENV{PKG_CONFIG_LIBDIR} ${prefix}/lib/pkgconfig)
    execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${package}
        OUTPUT_VARIABLE said RESULT_VARIABLE status ERROR_VARIABLE said)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "pkg-config does not know ${package}: ${said}")
    endif()
    separate_arguments(said UNIX_COMMAND "${said}")
    set(flags ${said} PARENT_SCOPE)
endfunction()

if(CONSUMER STREQUAL install)
    install_library(${prefix})
elseif(CONSUMER STREQUAL find_package)
    build_and_run(find_package -D CMAKE_PREFIX_PATH=${prefix} -D WANTED=0.1)
elseif(CONSUMER STREQUAL wrong_version)
    file(REMOVE_RECURSE ${folder})
    run_refused("compatible with requested version"
        ${CMAKE_COMMAND} -S ${here}/find_package -B ${folder} ${cmake_options}
        -D CMAKE_PREFIX_PATH=${prefix} -D WANTED=99.0)
elseif(CONSUMER STREQUAL add_subdirectory)
    build_and_run(add_subdirectory -D MILLPOND_SOURCE=${SOURCE})
elseif(CONSUMER STREQUAL minimal)
    build_and_run(add_subdirectory -D MILLPOND_SOURCE=${SOURCE} ${in_one_file} -D MILLPOND_WERROR=ON
        -D CMAKE_BUILD_TYPE=MinSizeRel "-DCMAKE_CXX_FLAGS=-fno-exceptions -fno-rtti")
elseif(CONSUMER STREQUAL shared)
    install_library(${WORK}/shared-prefix -D BUILD_SHARED_LIBS=ON)
    build_and_run(find_package -D CMAKE_PREFIX_PATH=${WORK}/shared-prefix -D WANTED=0.1)
elseif(CONSUMER MATCHES "^asan_program_(static|shared)$")
    needs(-fsanitize=address)
    set(libraries ${prefix}/lib)
    if(CONSUMER MATCHES shared)
        set(libraries ${WORK}/shared-prefix/lib)
    endif()
    run(${COMPILER} -std=c++20 -g1 -fsanitize=address -I${prefix}/include ${here}/watched.cpp
        -L${libraries} -lmillpond -Wl,-rpath,${libraries} -o ${folder}/watched)
    run(${in_fixed_addresses} ${folder}/watched)
    run_refused("use-after-poison" ${in_fixed_addresses} ${folder}/watched stale)
    run_refused("use-after-poison" ${in_fixed_addresses} ${folder}/watched behind)
elseif(CONSUMER STREQUAL asan_library)
    needs(-fsanitize=address)
    build_library(${folder}/library -D MILLPOND_SANITIZE=address)
    run(${COMPILER} -std=c++20 -I${SOURCE}/include -c ${here}/watched.cpp -o ${folder}/watched.o)
    run(${COMPILER} -fsanitize=address ${folder}/watched.o ${folder}/library/src/libmillpond.a
        -o ${folder}/watched)
    run(${in_fixed_addresses} ${folder}/watched)
elseif(CONSUMER STREQUAL asan_file)
    # One half watched, the other not. Both halves watched are the control.
    needs(-fsanitize=address)
    set(flags -std=c++20 -I${prefix}/include)
    run(${COMPILER} ${flags} -c ${here}/part.cpp -o ${folder}/part.o)
    run(${COMPILER} ${flags} -fsanitize=address -c ${here}/part.cpp -o ${folder}/part-watched.o)
    run(${COMPILER} ${flags} -fsanitize=address -DEXPECT_CHECKED=1 -DWITH_PART ${here}/program.cpp
        ${folder}/part-watched.o -L${prefix}/lib -lmillpond -o ${folder}/same)
    run(${in_fixed_addresses} ${folder}/same)
    run_refused("millpond_all_files_need_the_same_checking_level_and_sanitizer"
        ${COMPILER} ${flags} -fsanitize=address -DEXPECT_CHECKED=1 -DWITH_PART ${here}/program.cpp
        ${folder}/part.o -L${prefix}/lib -lmillpond -o ${folder}/mixed)
elseif(CONSUMER STREQUAL msan)
    needs(-fsanitize=memory)
    build_library(${folder}/library -D MILLPOND_SANITIZE=memory)
    set(flags -std=c++20 -g1 -fsanitize=memory -I${SOURCE}/include ${here}/watched.cpp)
    run(${COMPILER} ${flags} ${folder}/library/src/libmillpond.a -o ${folder}/watched)
    run(${in_fixed_addresses} ${folder}/watched)
    run_refused("use-of-uninitialized-value" ${in_fixed_addresses} ${folder}/watched unwritten)
    run_refused("use-of-uninitialized-value" ${in_fixed_addresses} ${folder}/watched stale)
    run_refused("undefined reference.*v0_checked_msan"
        ${COMPILER} ${flags} -L${prefix}/lib -lmillpond -o ${folder}/mixed)
elseif(CONSUMER STREQUAL valgrind)
    find_program(VALGRIND valgrind)
    if(NOT VALGRIND)
        message("skipped: there is no valgrind")
        return()
    endif()
    # Valgrind 3.19 does not read all that clang++ 14 says of a program in DWARF 5.
    build_library(${folder}/library -D MILLPOND_VALGRIND=ON -D CMAKE_CXX_FLAGS=-gdwarf-4)
    set(flags -std=c++20 -g1 -gdwarf-4 -I${SOURCE}/include ${here}/watched.cpp)
    set(library ${folder}/library/src/libmillpond.a)
    # Address space costs it time, and resources take as much as they may.
    set(in_valgrind prlimit --as=8589934592 ${VALGRIND} -q --error-exitcode=99)
    # Both sides, then only the library, then only the program.
    run(${COMPILER} ${flags} -DMILLPOND_VALGRIND=1 ${library} -o ${folder}/both)
    run(${in_valgrind} ${folder}/both)
    run_refused("Invalid read" ${in_valgrind} ${folder}/both stale)
    run_refused("Invalid read" ${in_valgrind} ${folder}/both behind)
    run_refused("uninitialised" ${in_valgrind} ${folder}/both unwritten)
    run(${COMPILER} ${flags} ${library} -o ${folder}/plain)
    run(${in_valgrind} ${folder}/plain)
    run_refused("undefined reference.*v0_checked_valgrind"
        ${COMPILER} ${flags} -DMILLPOND_VALGRIND=1 -L${prefix}/lib -lmillpond -o ${folder}/mixed)
elseif(CONSUMER STREQUAL tool)
    # The command has to find the parts that lie in another folder of the same, moved prefix.
    file(REMOVE_RECURSE ${folder} ${folder}-staged)
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}-staged)
    file(RENAME ${folder}-staged ${folder})
    run(${folder}/bin/millpond record -o ${folder}/a.trace -- ${CMAKE_COMMAND} --version)
    run(${folder}/bin/millpond replay --rounds 1 --with glibc,millpond --json ${folder}/a.json
        ${folder}/a.trace)
    file(READ ${folder}/a.json figures)
    foreach(index 0 1)
        string(JSON name GET "${figures}" replays 0 contenders ${index} name)
        string(JSON failure GET "${figures}" replays 0 contenders ${index} failure)
        if(NOT failure STREQUAL "")
            message(FATAL_ERROR "${name} did not play: ${failure}")
        endif()
        list(APPEND played ${name})
    endforeach()
    if(NOT played STREQUAL "glibc;millpond")
        message(FATAL_ERROR "asked for glibc and millpond, but '${played}' played")
    endif()
elseif(NOT PKG_CONFIG)
    message("skipped: there is no pkg-config here")
elseif(CONSUMER STREQUAL pkg_config)
    file(MAKE_DIRECTORY ${folder})
    flags_of(millpond)
    run(${COMPILER} -std=c++20 -DEXPECT_CHECKED=1 ${here}/program.cpp ${flags} -o ${folder}/checked)
    run(${folder}/checked)
    flags_of(millpond-unchecked)
    run(${COMPILER} -std=c++20 -DEXPECT_CHECKED=0 ${here}/program.cpp ${flags} -o ${folder}/unchecked)
    run(${folder}/unchecked)
elseif(CONSUMER STREQUAL mixed_levels)
    # Both libraries are there, so that only the two levels can be what does not fit. The same two
    # files with one level are the control.
    file(MAKE_DIRECTORY ${folder})
    flags_of(millpond)
    set(checked ${flags})
    flags_of(millpond-unchecked)
    set(unchecked ${flags})
    run(${COMPILER} -std=c++20 -c ${here}/part.cpp ${checked} -o ${folder}/part-checked.o)
    run(${COMPILER} -std=c++20 -c ${here}/part.cpp ${unchecked} -o ${folder}/part-unchecked.o)
    run(${COMPILER} -std=c++20 -DEXPECT_CHECKED=1 -DWITH_PART ${here}/program.cpp
        ${folder}/part-checked.o ${checked} -o ${folder}/same)
    run(${folder}/same)
    list(FILTER unchecked INCLUDE REGEX "^-[lL]")
    run_refused("undefined reference.*v0_checked"
        ${COMPILER} -std=c++20 -DEXPECT_CHECKED=1 -DWITH_PART ${here}/program.cpp
        ${folder}/part-unchecked.o ${checked} ${unchecked} -o ${folder}/mixed)
elseif(CONSUMER STREQUAL levels_by_name)
    # A return type and the type of a variable are no part of a name. Both libraries are there, and every
    # linker has to notice, with link-time optimisation too. One level is the control.
    file(MAKE_DIRECTORY ${folder})
    flags_of(millpond)
    set(checked -std=c++20 ${flags})
    flags_of(millpond-unchecked)
    set(unchecked -std=c++20 ${flags})
    foreach(how -O0 -flto)
        run(${COMPILER} ${how} ${checked} -c ${here}/user.cpp -o ${folder}/user${how}.o)
        run(${COMPILER} ${how} ${checked} -c ${here}/owner.cpp -o ${folder}/owner${how}.o)
        run(${COMPILER} ${how} ${unchecked} -c ${here}/owner.cpp -o ${folder}/owner-unchecked${how}.o)
    endforeach()
    foreach(how -O0 -flto -fuse-ld=gold -fuse-ld=lld -fuse-ld=mold)
        set(kind -O0)
        if(how STREQUAL "-flto")
            set(kind -flto)
        endif()
        has(${how})
        if(NOT has)
            continue()
        endif()
        run(${COMPILER} ${how} ${folder}/user${kind}.o ${folder}/owner${kind}.o ${checked} -o ${folder}/same)
        run(${folder}/same)
        run_refused("millpond_all_files_need_the_same_checking_level_and_sanitizer"
            ${COMPILER} ${how} ${folder}/user${kind}.o ${folder}/owner-unchecked${kind}.o
            ${checked} ${unchecked} -o ${folder}/mixed)
    endforeach()
else()
    message(FATAL_ERROR "no consumer is called '${CONSUMER}'")
endif()
