# holdfast_library(<folder> [LINKS <targets>...])
#
# The static library holdfast_<folder> of all *.cc in the current folder but its tests and main.cc. A folder
# that has only headers becomes an interface library, so that files can be added without touching CMake.
function(holdfast_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS")
  set(target "holdfast_${folder}")
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_compile_options(${target} PRIVATE ${HOLDFAST_WARNINGS})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_compile_features(${target} ${scope} cxx_std_23)
  target_include_directories(
    ${target}
    ${scope}
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} ${scope} ${arg_LINKS})
  set_property(GLOBAL APPEND PROPERTY HOLDFAST_LIBRARIES ${target})
endfunction()
