# Everything comes from Debian 12 (scripts/install-deps.sh). HoldfastConfig.cmake repeats the part that
# an embedding program needs.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS headers json)
find_package(RocksDB 7.8 REQUIRED CONFIG)
find_package(fmt REQUIRED CONFIG)
find_package(spdlog REQUIRED CONFIG)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
# prometheus-cpp's own CMake package insists on an HTTP server and on libcurl; only its core is used here.
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)

if(HOLDFAST_TESTS OR HOLDFAST_FUZZ)
  find_package(GTest REQUIRED CONFIG)
  find_package(rapidcheck REQUIRED CONFIG)
  find_package(benchmark REQUIRED CONFIG)
endif()

# Asio and Beast are compiled once, here, instead of in every file that includes them.
add_library(holdfast_asio STATIC "${PROJECT_SOURCE_DIR}/cmake/asio.cc")
target_compile_definitions(
  holdfast_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                       BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(holdfast_asio PUBLIC Boost::headers Threads::Threads)

# Linked by programs, not by the library: an embedding program chooses its own allocator. The sanitizers
# bring theirs.
add_library(holdfast_allocator INTERFACE)
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
  target_sources(holdfast_allocator INTERFACE "${PROJECT_SOURCE_DIR}/cmake/allocator.cc")
  target_link_libraries(holdfast_allocator INTERFACE PkgConfig::jemalloc)
endif()
