// SPDX-License-Identifier: BSD-3-Clause
// What the machine can do at most, for figures of speed to be shares of.
#pragma once
#include "kernels/table.hpp"
#include "trainer/watch.hpp"

// Floating-point operations per second of n_threads that do nothing but fused multiply-adds: the best
// of the runs, of some milliseconds each, that fit into so many seconds. 0 if `watch` stopped it first.
template <class T> double fma_peak(const Kernels<T>& kernels, int n_threads, double seconds, Watch& watch);

// Seconds that a cache line takes from one thread to another, on average over so many seconds. NaN where
// this process has one core.
double core_latency(double seconds);
