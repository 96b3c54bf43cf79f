# Collects the tests: src/**/x_test.cc beside the sources into <folder>_test, tests/<dir>/*.cc into
# <dir>_test, tests/<dir>/*_test.{py,sh} as they are; benchmarks and examples one executable a file. Each
# test carries its folder as label and runs in the root of the source tree, so that data files are found
# by relative paths; the program under test is in $HOLDFAST_BINARY.

include(GoogleTest)

set(HOLDFAST_TEST_WARNINGS ${HOLDFAST_WARNINGS} -Wno-sign-conversion -Wno-sign-compare)

function(holdfast_test_properties out folder)
  # Crash tests and replayed orders take minutes where the rest takes seconds.
  set(${out}
      LABELS "${folder}"
      TIMEOUT 900
      ENVIRONMENT "HOLDFAST_BINARY=$<TARGET_FILE:holdfast>"
      PARENT_SCOPE)
endfunction()

function(holdfast_gtest folder sources links)
  set(target "${folder}_test")
  add_executable(${target} ${sources})
  target_compile_options(${target} PRIVATE ${HOLDFAST_TEST_WARNINGS})
  target_link_libraries(${target} PRIVATE ${links} holdfast_testing GTest::gtest_main)
  add_dependencies(${target} holdfast)
  holdfast_test_properties(properties ${folder})
  gtest_discover_tests(
    ${target}
    TEST_PREFIX "${folder}."
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    DISCOVERY_MODE PRE_TEST
    PROPERTIES ${properties})
endfunction()

# What only tests link: stores in memory, clocks that stand still, models, starters of real servers.
file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/testing/*.cc")
if(NOT sources)
  set(scope INTERFACE)
  add_library(holdfast_testing INTERFACE)
else()
  set(scope PUBLIC)
  add_library(holdfast_testing STATIC ${sources})
  target_compile_options(holdfast_testing PRIVATE ${HOLDFAST_TEST_WARNINGS})
endif()
target_include_directories(holdfast_testing ${scope} "${PROJECT_SOURCE_DIR}")
target_link_libraries(
  holdfast_testing ${scope} holdfast_service holdfast_asio PkgConfig::libpq Boost::json GTest::gtest GTest::gmock
  rapidcheck rapidcheck_gtest)

get_property(libraries GLOBAL PROPERTY HOLDFAST_LIBRARIES)
foreach(library IN LISTS libraries)
  get_target_property(folder ${library} SOURCE_DIR)
  string(REPLACE "holdfast_" "" name ${library})
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*_test.cc")
  if(sources)
    holdfast_gtest(${name} "${sources}" ${library})
  endif()
endforeach()

file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true "${PROJECT_SOURCE_DIR}/tests/*")
foreach(folder IN LISTS folders)
  get_filename_component(name "${folder}" NAME)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cc")
  if(sources)
    holdfast_gtest(${name} "${sources}" "holdfast_cli;holdfast_app")
  endif()
  file(GLOB scripts CONFIGURE_DEPENDS "${folder}/*_test.py" "${folder}/*_test.sh")
  foreach(script IN LISTS scripts)
    get_filename_component(stem "${script}" NAME_WE)
    add_test(
      NAME "${name}.${stem}"
      COMMAND "${script}"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    holdfast_test_properties(properties ${name})
    set_tests_properties("${name}.${stem}" PROPERTIES SKIP_RETURN_CODE 77 ${properties})
  endforeach()
endforeach()

file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cc")
add_custom_target(benchmarks)
foreach(source IN LISTS sources)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  target_compile_options(${name} PRIVATE ${HOLDFAST_TEST_WARNINGS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE holdfast_app holdfast_allocator benchmark::benchmark)
  add_dependencies(benchmarks ${name})
endforeach()

# An example is run as it is, in an empty directory of its own.
file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cc")
foreach(source IN LISTS sources)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(example_${name} "${source}")
  target_compile_options(example_${name} PRIVATE ${HOLDFAST_WARNINGS})
  target_link_libraries(example_${name} PRIVATE Holdfast::holdfast)
  add_test(NAME examples.${name} COMMAND "${PROJECT_SOURCE_DIR}/scripts/in-empty-directory"
                                         $<TARGET_FILE:example_${name}>)
  set_tests_properties(examples.${name} PROPERTIES LABELS examples TIMEOUT 60)
endforeach()

# These link programs of their own and know nothing of sanitizers.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  # The rules of the shop link alone and reach for nothing of the machine.
  get_target_property(type holdfast_core TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    add_test(NAME core.core_alone COMMAND "${PROJECT_SOURCE_DIR}/scripts/check-core-alone"
                                          "${CMAKE_CXX_COMPILER}" $<TARGET_FILE:holdfast_core>
                                          $<TARGET_FILE:fmt::fmt>)
    set_tests_properties(core.core_alone PROPERTIES LABELS core)
  endif()
  if(sources)
    add_test(NAME examples.installed COMMAND "${PROJECT_SOURCE_DIR}/scripts/check-install"
                                             "${PROJECT_BINARY_DIR}" "${CMAKE_CXX_COMPILER}")
    set_tests_properties(examples.installed PROPERTIES LABELS examples TIMEOUT 300)
  endif()
endif()
