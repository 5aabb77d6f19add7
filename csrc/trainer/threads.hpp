// SPDX-License-Identifier: BSD-3-Clause
#pragma once
#include <string>

// The least CPU quota, in cores, of the cgroups that a process is in and those above them; 0: none has one.
// `mounted` is where cgroups lie, `membership` the process's file in /proc.
double cpu_quota(const std::string& mounted, const std::string& membership);

// Cores that this process may use: OMP_NUM_THREADS if set, else affinity and container quota;
// 1 inside somebody's parallel region.
int default_threads();

// n_threads as asked (0: the default), but no more than pays for the work of one step. Each thread
// needs some 150 kFLOP for the barriers, and 18 more for each byte of weights that a step writes: the
// others fetch them from the writer's cache in the next one. A middle: a line may take 30 ns to cross
// or 200 (benchmarks/threads.py prints the grid).
int threads_for(int n_threads, double flops_per_step, double bytes_written = 0);

// How many threads share the work of so many shares: never more than there are cores for. A thread
// without a core is awaited by all others at every barrier, for a time slice.
int workers_for(int shares);

// Ends the pool of worker threads so that a fork finds none; the next region starts it anew.
void pause_threads();
