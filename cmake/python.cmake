# SPDX-License-Identifier: BSD-3-Clause
# The two extension modules: deltarule._core (pybind11) and deltarule.oracle.literal_loops (Cython).

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT SKBUILD)
  # scikit-build-core passes these paths; a build by CMake preset asks the interpreter.
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
      "import cython_cmake, pybind11, pathlib; print(pybind11.get_cmake_dir(), pathlib.Path(cython_cmake.__file__).parent / 'cmake', sep=';')"
    OUTPUT_VARIABLE paths OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND CMAKE_PREFIX_PATH ${paths})
  list(APPEND CMAKE_MODULE_PATH ${paths})
endif()
find_package(pybind11 3.1 CONFIG REQUIRED)
include(UseCython)

file(GLOB binding_sources CONFIGURE_DEPENDS csrc/binding/*.cpp)
# NO_EXTRAS: pybind11 would add link-time optimisation.
pybind11_add_module(_core NO_EXTRAS
  ${binding_sources} $<TARGET_OBJECTS:trainer> ${KERNEL_OBJECTS})
target_link_libraries(_core PRIVATE native OpenMP::OpenMP_CXX)
target_compile_options(_core PRIVATE $<$<CONFIG:Release>:${AS_CLANG}-Os>)   # calls, no loops: for the wheel's size
# What no one calls is left out, and nothing but the module's start is a name for others.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT DELTARULE_SANITIZE)
  target_compile_options(_core PRIVATE -ffunction-sections)
  target_link_options(_core PRIVATE -Wl,--gc-sections
    "-Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exported.map")
endif()
install(TARGETS _core LIBRARY DESTINATION deltarule)

# Cython writes the paths of included files, as seen from the build directory, into the module:
# copies there keep the wheel's bytes independent of where the sources lie.
file(GLOB literal_sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}"
  python/deltarule/oracle/literal*.pyx python/deltarule/oracle/literal*.pxi)
foreach(source IN LISTS literal_sources)
  configure_file(${source} "${CMAKE_BINARY_DIR}/${source}" COPYONLY)
endforeach()
cython_transpile("${CMAKE_BINARY_DIR}/python/deltarule/oracle/literal_loops.pyx" LANGUAGE C
  MODULE_NAME deltarule.oracle.literal_loops OUTPUT literal_loops.c OUTPUT_VARIABLE loops_c)
python_add_library(literal_loops MODULE WITH_SOABI "${loops_c}")
if(NOT MSVC)
  target_compile_options(literal_loops PRIVATE   # a reference, 0.2 MB of the wheel smaller than at -O2
    -Os -fno-asynchronous-unwind-tables -fno-unwind-tables -fvisibility=hidden
    "$<$<C_COMPILER_ID:GNU>:-fno-inline-functions-called-once;-fno-jump-tables>")   # 5 KB of it
endif()
target_link_libraries(literal_loops PRIVATE numerics)
install(TARGETS literal_loops LIBRARY DESTINATION deltarule/oracle)

if(NOT SKBUILD)
  install(DIRECTORY python/deltarule DESTINATION .
    FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "data/*")
endif()
