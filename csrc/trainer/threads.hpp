// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// Cores that this process may use: OMP_NUM_THREADS if set, else affinity and container quota;
// 1 inside somebody's parallel region.
int default_threads();

// n_threads as asked (0: the default), but no more than pays for the work of one step: with less than
// about 250 kFLOP for each, what crosses between the cores costs more than a second thread gives
// (benchmarks/training.py, digits: 4.9 M rows/s with one thread, 4.8 M with two).
int threads_for(int n_threads, double flops_per_step);

// How many threads share the work of so many shares: never more than there are cores for. A thread
// without a core is awaited by all others at every barrier, for a time slice.
int workers_for(int shares);

// Ends the pool of worker threads so that a fork finds none; the next region starts it anew.
void pause_threads();
