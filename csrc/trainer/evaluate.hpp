// SPDX-License-Identifier: BSD-3-Clause
// What a network computes without changing: predictions, the traces that `forward` and `backward`
// show, loss and gradient. Const and safe from many threads; each call owns its workspaces.
#pragma once
#include <vector>

#include "trainer/pass.hpp"

// y_hat (n, K) of every row of X. Throws BadRow.
template <class T> void predict(Network<T>& network, const Rows& X, T* y_hat, int n_threads, Watch& watch);

// net[k] and o[k] of every layer, (n, H_k) each; net[0] is null.
template <class T>
void forward(Network<T>& network, const Rows& X, const std::vector<T*>& net, const std::vector<T*>& o, int n_threads,
             Watch& watch);

// From a trace: delta[k] (delta[0] is null), dX, the flat gradient; returns the loss. sample_weight: of each
// row, or null; `function`: the loss, where the network's is given, and Y not looked at; here and below.
// Throws BadRow, BadWeight, NoWeight, LossFailed.
template <class T>
double backward(Network<T>& network, const std::vector<const T*>& net, const std::vector<const T*>& o, const Rows& Y,
                bool labels, const std::vector<T*>& delta, T* dX, T* gradient, int n_threads, Watch& watch,
                const double* sample_weight = nullptr, LossFunction<T>* function = nullptr);

// The loss at w, and with it the flat gradient unless that is null.
template <class T>
double loss_and_gradient(Network<T>& network, const Rows& X, const Rows& Y, bool labels, T* gradient, int n_threads,
                         Watch& watch, const double* sample_weight = nullptr, LossFunction<T>* function = nullptr);
