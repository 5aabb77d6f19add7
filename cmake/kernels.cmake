# SPDX-License-Identifier: BSD-3-Clause
# One source, one object library per instruction set (docs/architecture.md).
# Sets KERNEL_OBJECTS (to be linked last) and KERNEL_DEFINITIONS (for dispatch.cpp).

set(KERNEL_ISAS generic)
set(KERNEL_FLAGS_generic $<$<CONFIG:Release>:${AS_CLANG}-Os>)   # for correctness
if(DELTARULE_BASELINE)
  # that is all
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND KERNEL_ISAS avx2 avx512)
  # Without those passes of -O3 0.03 MB of the wheel less, and as fast; at -O2 4 to 9 % are lost.
  set(KERNEL_FLAGS_avx2 -mavx2 -mfma 
    "$<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-vectorize;-fno-tree-slp-vectorize;-fno-ipa-cp-clone>"
    "$<$<CXX_COMPILER_ID:GNU>:-fno-unswitch-loops;-fno-peel-loops;-fno-split-loops;-fno-split-paths>")
  # As fast at -O2 as at -O3, and 0.1 MB of the wheel less.
  set(KERNEL_FLAGS_avx512 $<$<CONFIG:Release>:${AS_CLANG}-O2>
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma ${AS_CLANG}-mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  list(APPEND KERNEL_ISAS neon)
endif()

set(KERNEL_OBJECTS "")
set(KERNEL_DEFINITIONS "")
foreach(isa IN LISTS KERNEL_ISAS)
  add_library(kernels_${isa} OBJECT csrc/kernels/kernels.cpp)
  target_compile_definitions(kernels_${isa} PRIVATE KERNEL_ISA=${isa})
  # Kernels throw nothing; without exceptions they need no weak symbol of the C++ runtime, nor tables to
  # unwind by.
  target_compile_options(kernels_${isa} PRIVATE ${AS_CLANG}-fno-exceptions ${KERNEL_FLAGS_${isa}})
  if(NOT MSVC)   # Windows asks for such tables
    target_compile_options(kernels_${isa} PRIVATE
      $<$<CONFIG:Release>:-fno-asynchronous-unwind-tables> $<$<CONFIG:Release>:-fno-unwind-tables>)
  endif()
  target_link_libraries(kernels_${isa} PRIVATE native)
  list(APPEND KERNEL_OBJECTS $<TARGET_OBJECTS:kernels_${isa}>)
  string(TOUPPER ${isa} upper)
  list(APPEND KERNEL_DEFINITIONS DELTARULE_HAVE_${upper})
endforeach()
