# How everything in dashcap is compiled, and the three functions that the folders' lists are written with.

option(DASHCAP_TESTS "Build tests and benchmarks" ON)
option(DASHCAP_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(DASHCAP_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Every public header must compile alone: target all_verify_interface_header_sets.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths relative to the source tree, so that another checkout of the same sources finds what this one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(dashcap_flags INTERFACE)
target_include_directories(dashcap_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(dashcap_flags INTERFACE DASHCAP_VERSION="${PROJECT_VERSION}")
target_compile_options(dashcap_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror=unused-result
                       -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(dashcap_flags INTERFACE -Wthread-safety)
endif()
if(DASHCAP_SANITIZE)
  target_compile_options(dashcap_flags INTERFACE -fsanitize=${DASHCAP_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(dashcap_flags INTERFACE -fsanitize=${DASHCAP_SANITIZE})
endif()
if(DASHCAP_FUZZ)
  target_compile_options(dashcap_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(dashcap_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(dashcap_flags INTERFACE Threads::Threads)

# dashcap_library(packet SOURCES … HEADERS … DEPENDS …): the library of one folder, dashcap_packet.
function(dashcap_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPENDS" ${ARGN})
  add_library(dashcap_${name} STATIC ${ARG_SOURCES})
  target_sources(dashcap_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ARG_HEADERS})
  target_link_libraries(dashcap_${name} PUBLIC dashcap_flags ${ARG_DEPENDS})
endfunction()

# dashcap_program(dashcapd SOURCES … DEPENDS …)
function(dashcap_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# dashcap_test(packet SOURCES … DEPENDS …): GoogleTest cases of one folder, test_packet.
function(dashcap_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE DASHCAP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             DASHCAP_BINARY_DIR="${CMAKE_BINARY_DIR}")
  gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
endfunction()
