// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/threads.hpp"

#include <omp.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace {
// The quota of the container: cgroup v2's cpu.max, v1's cfs files; 0 if there is none.
double quota() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string limit;
  double period;
  if (v2 >> limit >> period) return limit == "max" || period <= 0 ? 0 : std::atof(limit.c_str()) / period;
  std::ifstream v1("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double microseconds;
  if (v1 >> microseconds && v1_period >> period && microseconds > 0 && period > 0) return microseconds / period;
  return 0;
}

int usable_cores() {
  int cores = omp_get_num_procs();
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = std::min(cores, CPU_COUNT(&set));
#endif
  static const double limit = quota();
  if (limit > 0) cores = std::min(cores, int(std::ceil(limit)));
  return std::max(cores, 1);
}
}  // namespace

int default_threads() {
  if (omp_in_parallel()) return 1;
  const char* wish = std::getenv("OMP_NUM_THREADS");
  return wish && *wish ? omp_get_max_threads() : std::min(omp_get_max_threads(), usable_cores());
}

int threads_for(int n_threads, double flops_per_step, double bytes_written) {
  // Bits don't depend on the count, so an absurd one may be cut: libgomp ends the process when the
  // system refuses it a thread.
  if (n_threads > 16) return std::min(n_threads, std::max(16, 2 * omp_get_num_procs()));  // a system call
  if (n_threads > 0) return n_threads;
  const double paying = flops_per_step / (150e3 + 18 * bytes_written);
  return paying < 2 ? 1 : int(std::min(double(default_threads()), paying));
}

// One share asks the system nothing: that would be half of the time of a small prediction.
int workers_for(int shares) { return shares == 1 ? 1 : std::min(shares, usable_cores()); }

void pause_threads() { omp_pause_resource_all(omp_pause_hard); }
