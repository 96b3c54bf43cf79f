# The library for embedding: find_package(Holdfast), then link Holdfast::holdfast.
include(CMakePackageConfigHelpers)

add_library(holdfast_embedded INTERFACE)
set_target_properties(holdfast_embedded PROPERTIES EXPORT_NAME holdfast)
target_link_libraries(holdfast_embedded INTERFACE holdfast_app)
add_library(Holdfast::holdfast ALIAS holdfast_embedded)

get_property(libraries GLOBAL PROPERTY HOLDFAST_LIBRARIES)
list(REMOVE_ITEM libraries holdfast_cli holdfast_strategies)
install(TARGETS ${libraries} holdfast_asio holdfast_embedded EXPORT HoldfastTargets)
install(
  EXPORT HoldfastTargets
  NAMESPACE Holdfast::
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Holdfast")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/holdfast" "${PROJECT_BINARY_DIR}/include/holdfast"
        TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(TARGETS holdfast)

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/HoldfastConfig.cmake.in" HoldfastConfig.cmake
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Holdfast")
write_basic_package_version_file(HoldfastConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/HoldfastConfig.cmake"
              "${PROJECT_BINARY_DIR}/HoldfastConfigVersion.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Holdfast")
