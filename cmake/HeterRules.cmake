# Rules shared by every room's CMakeLists.txt.

# heter_add_rooms(DIR...): adds each folder that has a CMakeLists.txt.
function(heter_add_rooms)
  foreach(room ${ARGN})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/CMakeLists.txt)
      add_subdirectory(${room})
    endif()
  endforeach()
endfunction()

# Flags of all our own code; third-party headers are SYSTEM.
function(heter_set_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter -fno-strict-aliasing)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE -Wthread-safety -Werror=thread-safety)
  endif()
  if(HETER_ODR)
    target_compile_options(${target} PRIVATE -flto -ffat-lto-objects)
  endif()
  if(HETER_BUILD_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(HETER_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${HETER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      target_compile_options(${target} PRIVATE -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/sanitizer-ignorelist.txt)
    endif()
    target_link_options(${target} PRIVATE -fsanitize=${HETER_SANITIZE})
  endif()
endfunction()

# Links an executable so that definitions of one name are an error where they differ: of types, which g++ compares when it
# optimizes the whole program, and, in a second link beside it, of inline functions, which gold knows by their lines.
function(heter_compare_definitions name)
  if(NOT HETER_ODR)
    return()
  endif()
  target_link_options(${name} PRIVATE -flto=auto -Wodr -Wlto-type-mismatch -Werror=odr -Werror=lto-type-mismatch)
  add_executable(${name}.functions $<TARGET_OBJECTS:${name}>)
  target_link_libraries(${name}.functions PRIVATE $<TARGET_PROPERTY:${name},LINK_LIBRARIES>)
  target_link_options(${name}.functions PRIVATE -fno-lto -fuse-ld=gold -Wl,--detect-odr-violations -Wl,--fatal-warnings)
  set_target_properties(${name}.functions PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# heter_add_library(NAME SOURCES... [DEPS targets...]): a static library of one room.
function(heter_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  heter_set_flags(${name})
  if(HETER_MUTATIONS)
    foreach(source ${ARG_UNPARSED_ARGUMENTS})
      file(STRINGS ${source} seams REGEX "tests/mutation/Mutation.h")
      if(seams)
        set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS HETER_MUTATIONS)
      endif()
    endforeach()
  endif()
endfunction()

# heter_add_tool(NAME SOURCES... [DEPS targets...]): an executable in build/bin.
function(heter_add_tool name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  heter_set_flags(${name})
  heter_compare_definitions(${name})
endfunction()

# heter_install_tool(NAME): installs a tool, with its manual pages and completion scripts. The tool writes these itself,
# to build/share, laid out as in /usr/share.
function(heter_install_tool name)
  add_custom_command(TARGET ${name} POST_BUILD COMMAND ${name} --write-share ${CMAKE_BINARY_DIR}/share VERBATIM)
  install(TARGETS ${name})
  install(DIRECTORY ${CMAKE_BINARY_DIR}/share/ TYPE DATA)
endfunction()

# heter_add_test(NAME SOURCES... [DEPS targets...] [LABELS labels...]): one GoogleTest binary, registered as one ctest.
function(heter_add_test name)
  cmake_parse_arguments(ARG "" "" "DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
  heter_set_flags(${name})
  heter_compare_definitions(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS "unit;${ARG_LABELS}"
                       ENVIRONMENT "HETER_TEST_DATA=${HETER_TEST_DATA}")
endfunction()

# heter_emulate_tiles(TEST): preloads the tile emulator (tests/tiles) in a test of the calling folder. Where the processor
# has AMX it does nothing, and the test is one of the processor's tiles. Not with g++'s sanitizers, whose runtime is a
# library, too, and wants to be the first one.
function(heter_emulate_tiles test)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
               "LD_PRELOAD=${CMAKE_BINARY_DIR}/tests/lib/libheter_tile_emulator.so")
  set_property(TEST ${test} APPEND PROPERTY LABELS tiles)
  if(HETER_SANITIZE AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set_property(TEST ${test} PROPERTY DISABLED ON)
  endif()
endfunction()

# heter_add_test_on_tiles(NAME FILTER): the tests of heter_add_test that GoogleTest's filter names once more, as NAME.tiles,
# with tiles emulated.
function(heter_add_test_on_tiles name filter)
  add_test(NAME ${name}.tiles COMMAND ${name} --gtest_filter=${filter})
  set_tests_properties(${name}.tiles PROPERTIES TIMEOUT 600 LABELS unit)
  heter_emulate_tiles(${name}.tiles)
endfunction()

# heter_add_thrift(NAME FILE.thrift [DEPS targets...]): generates C++ from an IDL file into the matching build folder
# and makes the library NAME of it. Include the result as "runtime/ROOM/FILE_types.h".
function(heter_add_thrift name idl)
  cmake_parse_arguments(ARG "" "" "DEPS;GENERATED" ${ARGN})
  find_program(THRIFT_EXECUTABLE thrift REQUIRED)
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  list(TRANSFORM ARG_GENERATED PREPEND ${out}/ OUTPUT_VARIABLE generated)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${THRIFT_EXECUTABLE} -r --gen cpp:no_skeleton,include_prefix,moveable_types -I ${CMAKE_SOURCE_DIR} -out ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${idl}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${idl} VERBATIM)
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC thrift ${ARG_DEPS})
  target_compile_options(${name} PRIVATE -w)
endfunction()
