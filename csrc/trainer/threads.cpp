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
// A cgroup's own quota in cores: v2's cpu.max, v1's cfs files; 0 if there is none.
double quota_of(const std::string& folder) {
  std::string limit;
  double period = 0;
  std::ifstream(folder + "/cpu.max") >> limit >> period;
  if (limit.empty()) {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> limit;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  const double cores = period > 0 ? std::atof(limit.c_str()) / period : 0;  // "max" is 0, -1 is none
  return std::isfinite(cores) && cores > 0 ? cores : 0;
}

int usable_cores() {
  int cores = omp_get_num_procs();
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = std::min(cores, CPU_COUNT(&set));
#endif
  static const double limit = cpu_quota("/sys/fs/cgroup", "/proc/self/cgroup");
  if (limit > 0) cores = std::min(cores, int(std::ceil(limit)));
  return std::max(cores, 1);
}
}  // namespace

double cpu_quota(const std::string& mounted, const std::string& membership) {
  double least = 0;
  std::ifstream lines(membership);
  for (std::string line = "0::"; line.size(); line.clear(), std::getline(lines, line)) {
    // number:controllers:path; all of v2 is one tree, v1 has one for each set of controllers.
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && (',' + controllers + ',').find(",cpu,") == std::string::npos) continue;
    // Every cgroup above it limits it too; in a container those that are not mounted are not there.
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      for (const char* tree : {"", "/cpu"}) {
        const double cores = quota_of(mounted + tree + path);
        if (cores > 0 && (least == 0 || cores < least)) least = cores;
      }
      if (path.find('/') == std::string::npos) break;
    }
  }
  return least;
}

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
