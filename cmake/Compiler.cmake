# Flags that every target of ours gets. Third-party headers come in as SYSTEM and are not judged.

# Release keeps line tables for back traces. NDEBUG silences only the libraries' own checks: HF_ASSERT does
# not look at it, and the standard library's cheap bounds checks stay on in every build.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")

set(HOLDFAST_WARNINGS
    -Wall
    -Wextra -Wno-missing-field-initializers
    -Wpedantic
    -Wshadow
    -Wconversion
    -Wsign-conversion
    -Wnon-virtual-dtor
    -Woverloaded-virtual
    -Wdeprecated-copy-dtor
    -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports overlapping copies inside std::string's own operator+ (GCC bug 105329), and warns
  # about fences under the thread sanitizer that Asio uses on purpose.
  list(APPEND HOLDFAST_WARNINGS -Wno-restrict -Wno-tsan)
else()
  # Clang counts HF_ASSERT(!"reason") as a conversion, and a deprecated function that libstdc++ 12 calls
  # inside std::stable_sort as ours; GCC judges our own uses of deprecated functions.
  list(APPEND HOLDFAST_WARNINGS -Wno-string-conversion -Wno-deprecated-declarations)
endif()

# Compilations are shared between clones of the repository: paths are made relative and the directory is
# not part of the key.
find_program(CCACHE ccache)
if(CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND}
      -E
      env
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_NOHASHDIR=true
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
endif()
