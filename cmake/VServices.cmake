# What every target of this project has in common: packages, warnings, sanitizers, and how a test is made.

get_filename_component(VS_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)

# What guests load (libvservice, the NSS module) goes into programs that know no sanitizer: plain in every build.
add_library(vs_plain_flags INTERFACE)
target_include_directories(vs_plain_flags INTERFACE ${VS_ROOT})
target_compile_options(vs_plain_flags INTERFACE -Wall -Wextra
                       $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wno-missing-field-initializers
                       $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
target_compile_definitions(vs_plain_flags INTERFACE VS_VERSION="${PROJECT_VERSION}" _GNU_SOURCE)

add_library(vs_flags INTERFACE)
target_link_libraries(vs_flags INTERFACE vs_plain_flags fmt::fmt nlohmann_json::nlohmann_json tl::expected Threads::Threads)

# Sanitizers are clang's: it builds with them in half of gcc's time. vptr is off: it misreads cpprest's stream buffers (a report inside
# the library, none in ours); function is off: C libraries call back through types of their own.
set(VS_SANITIZE_FLAGS "")
if(VS_SANITIZE STREQUAL "address")
  set(VS_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined
                        -fno-omit-frame-pointer)
elseif(VS_SANITIZE STREQUAL "fuzz")
  set(VS_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize=vptr,function
                        -fno-sanitize-recover=undefined,float-cast-overflow -fno-omit-frame-pointer)
elseif(VS_SANITIZE STREQUAL "thread")
  set(VS_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
endif()
target_compile_options(vs_flags INTERFACE ${VS_SANITIZE_FLAGS})
target_link_options(vs_flags INTERFACE ${VS_SANITIZE_FLAGS})

# vs_library(NAME source... ) : one folder, one target of the same name.
function(vs_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC vs_flags)
  if("${ARGN}" MATCHES "\\.cc")
    target_precompile_headers(${name} REUSE_FROM vs_headers)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

# The headers of headers.h, compiled once for all libraries. A library itself, so that its flags are theirs.
file(WRITE ${CMAKE_BINARY_DIR}/headers.cc "")
add_library(vs_headers STATIC ${CMAKE_BINARY_DIR}/headers.cc)
target_link_libraries(vs_headers PRIVATE vs_flags)
target_precompile_headers(vs_headers PRIVATE ${VS_ROOT}/cmake/headers.h)

# Tests are quick to build: what is tested keeps its flags, and its checks for undefined behaviour.
set(VS_TEST_FLAGS -O0)
if(VS_SANITIZE STREQUAL "address")
  list(APPEND VS_TEST_FLAGS -fno-sanitize=undefined)
endif()

set(VS_LEAKS "LSAN_OPTIONS=suppressions=${VS_ROOT}/tests/leaks.txt:print_suppressions=0")

# Hundreds of tests are linked with the same libraries: a quick linker saves minutes.
find_program(VS_MOLD mold)
if(VS_MOLD)
  set(VS_TEST_LINK_FLAGS -fuse-ld=mold)
endif()

# What ./test.sh runs in the normal build beside the sanitizers' ones: label, and target to build.
add_custom_target(optimised)

# vs_test(FILE_test.cc library... [THREADED] [OPTIMISED] [READS_SOURCES]) : one file, one executable, one ctest entry a case.
# THREADED tests also run under ThreadSanitizer, and OPTIMISED ones in the normal build when ./test.sh runs everything: where the
# order of memory or the amount of work matters. READS_SOURCES defines VS_SOURCE_DIR; without it an object is the same in
# every checkout, and a compiler cache serves them all. Paths are relative to tests/.
function(vs_test source)
  cmake_parse_arguments(ARG "THREADED;OPTIMISED;READS_SOURCES" "" "" ${ARGN})
  file(RELATIVE_PATH relative ${VS_ROOT}/tests ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  string(REGEX REPLACE "_test\\.cc$" "" name ${relative})
  string(REPLACE "/" "." name ${name})
  if(VS_SANITIZE STREQUAL "thread" AND NOT ARG_THREADED)
    return()
  endif()
  add_executable(test.${name} ${source})
  target_precompile_headers(test.${name} REUSE_FROM vs_test_headers)
  target_compile_options(test.${name} PRIVATE ${VS_TEST_FLAGS})
  target_link_libraries(test.${name} PRIVATE ${ARG_UNPARSED_ARGUMENTS} vs_flags GTest::gtest_main GTest::gmock)
  if(ARG_READS_SOURCES)
    target_compile_definitions(test.${name} PRIVATE VS_SOURCE_DIR="${VS_ROOT}")
  endif()
  target_link_options(test.${name} PRIVATE ${VS_TEST_LINK_FLAGS})
  set(label "")
  if(ARG_OPTIMISED)
    add_dependencies(optimised test.${name})
    set(label LABELS optimised)
  endif()
  gtest_discover_tests(test.${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 120 ENVIRONMENT ${VS_LEAKS} ${label})
endfunction()
