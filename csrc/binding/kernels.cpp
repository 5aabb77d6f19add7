// SPDX-License-Identifier: BSD-3-Clause
// _core.kernels: each kernel by itself on panels that the caller lays out, padding included. The tests'
// way in; copies its arrays, so speed is measured elsewhere.
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "binding/network.hpp"
#include "trainer/buffer.hpp"

namespace {
template <class T> using Array = py::array_t<T, py::array::c_style>;

template <class T> Buffer<T> aligned(const Array<T>& array) {
  Buffer<T> buffer(size_t(array.size()));
  std::copy(array.data(), array.data() + array.size(), buffer.data());
  return buffer;
}

// [panels][rows][PANEL]
template <class T> py::array_t<T> panels_array(const Buffer<T>& buffer, int64_t rows) {
  py::array_t<T> array(std::vector<py::ssize_t>{py::ssize_t(buffer.size()) / (rows * PANEL), rows, PANEL});
  std::copy(buffer.data(), buffer.data() + buffer.size(), array.mutable_data());
  return array;
}

template <class T> const Kernels<T>& kernels() { return kernels_of<T>(table_in_use()); }

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

template <class T> bool is_panels(const Array<T>& a, int panels, int64_t rows) {
  return a.ndim() == 3 && a.shape(0) == panels && a.shape(1) == rows && a.shape(2) == PANEL;
}

// C = A B over k columns of A: B is [panels][k (+1: bias)][PANEL].
template <class T, class Call>
py::array_t<T> contract(const Array<T>& A, const Array<T>& B, int k, int columns, int B_rows, Call call) {
  require(k >= 1 && columns >= 1 && A.ndim() == 3 && A.shape(1) >= 1, "expected at least one row and column");
  require(is_panels(A, panels_of(k), A.shape(1)), "A: expected panels of k columns");
  require(is_panels(B, panels_of(columns), B_rows), "B: expected panels of its columns");
  const int64_t rows = A.shape(1);
  const Buffer<T> a = aligned(A), b = aligned(B);
  Buffer<T> c(size_t(panels_of(columns)) * size_t(rows) * PANEL);
  call(Contraction<T>{a.data(), rows * PANEL, b.data(), ptrdiff_t(B_rows) * PANEL, c.data(), rows * PANEL, rows, k,
                      columns, 0, panels_of(columns)});
  return panels_array(c, rows);
}

template <class T> py::array_t<T> affine(const Array<T>& o, const Array<T>& W, int in, int out, int activation) {
  return contract(o, W, in, out, in + 1,
                  [&](const Contraction<T>& c) { kernels<T>().affine(c, {Activation(activation)}, {}); });
}

template <class T>
py::array_t<T> hidden_delta(const Array<T>& delta, const Array<T>& transposed, int out, int in, int activation,
                            const Array<T>& o) {
  require(delta.ndim() == 3 && is_panels(o, panels_of(in), delta.shape(1)), "o: expected panels like the result's");
  const Buffer<T> outputs = aligned(o);
  return contract(delta, transposed, out, in, out, [&](const Contraction<T>& c) {
    kernels<T>().hidden_delta(c, Activation(activation), outputs.data(), {});
  });
}

// One block of W: n inputs of one panel by one output panel; [n + 1][PANEL], the bias row last.
template <class T>
py::array_t<T> weight_gradient(const Array<T>& o, const Array<T>& delta, int n, int columns, T minus_inverse_s) {
  require(o.ndim() == 3 && is_panels(o, 1, o.shape(1)) && is_panels(delta, 1, o.shape(1)),
          "o, delta: expected a panel each");
  require(n >= 1 && n <= PANEL && columns >= 1 && columns <= PANEL, "n, columns: expected 1 ... 32");
  const Buffer<T> inputs = aligned(o), deltas = aligned(delta);
  Buffer<T> w(size_t(n + 1) * PANEL), gradient(size_t(n + 1) * PANEL);
  GradientUnit<T> unit{};
  unit.o = inputs.data();
  unit.delta = deltas.data();
  unit.rows = o.shape(1);
  unit.in = unit.i_end = n;
  unit.columns = columns;
  unit.bias = unit.first = unit.last = true;
  unit.w = w.data();
  unit.gradient = gradient.data();
  Update<T> update{};
  update.minus_inverse_s = minus_inverse_s;
  kernels<T>().weight_gradient(unit, update);
  return panels_array(gradient, n + 1);
}

template <class T>
py::tuple output(const Array<T>& net, const Array<T>& Y, int columns, int activation, int loss, bool collapsed,
                 const std::vector<T>& parameter) {
  require(columns >= 1 && net.ndim() == 3 && net.shape(1) >= 1, "expected at least one row and column");
  const int targets = Loss(loss) == Loss::gaussian_nll ? columns / 2 : columns;
  require(is_panels(net, panels_of(columns), net.shape(1)) && is_panels(Y, panels_of(targets), net.shape(1)),
          "net, Y: expected panels of the same rows");
  require(parameter.empty() || int(parameter.size()) == columns, "parameter: expected one per column");
  const int64_t rows = net.shape(1);
  Buffer<T> z = aligned(net), delta(z.size()), row_loss(size_t(rows) * PANEL);
  const Buffer<T> y = aligned(Y);
  Buffer<T> p(parameter.empty() ? 0 : size_t(panels_of(columns)) * PANEL);
  std::copy(parameter.begin(), parameter.end(), p.data());
  kernels<T>().output({z.data(), delta.data(), y.data(), row_loss.data(), rows * PANEL, rows, columns,
                       Activation(activation), Loss(loss), collapsed, parameter.empty() ? nullptr : p.data()});
  py::array_t<T> losses(rows);
  std::copy(row_loss.data(), row_loss.data() + rows, losses.mutable_data());
  return py::make_tuple(panels_array(z, rows), panels_array(delta, rows), losses);
}

template <class T> py::array_t<T> elementary(const std::string& name, const Array<T>& x) {
  const std::vector<std::string> names{"exp", "log", "log1p_of_unit", "logistic", "tanh", "sin_2pi", "cos_2pi"};
  const auto found = std::find(names.begin(), names.end(), name);
  require(found != names.end(), "name: expected exp, log, log1p_of_unit, logistic, tanh, sin_2pi or cos_2pi");
  Buffer<T> padded(size_t(x.size() + 15) / 16 * 16);
  std::copy(x.data(), x.data() + x.size(), padded.data());
  kernels<T>().elementary(int(found - names.begin()), padded.data(), padded.data(), int64_t(padded.size()));
  py::array_t<T> y(x.size());
  std::copy(padded.data(), padded.data() + x.size(), y.mutable_data());
  return y;
}

// The words of a number of panels: [panels][rows][PANEL].
py::array_t<uint32_t> random_words(std::pair<uint32_t, uint32_t> key, const Array<int64_t>& rows, int first,
                                   int panels) {
  require(panels >= 1, "panels: expected 1 or more");
  const uint32_t words[] = {key.first, key.second};
  Buffer<uint32_t> buffer(size_t(panels) * size_t(rows.size()) * PANEL);
  for (int p = 0; p < panels; p++)
    kernels<float>().random_words(words, rows.data(), int(rows.size()), first + p,
                                  buffer.data() + p * rows.size() * PANEL);
  return panels_array(buffer, rows.size());
}

RandomRows random_rows(std::pair<uint32_t, uint32_t> key, const Array<int64_t>& rows, int columns) {
  return {{key.first, key.second}, rows.data(), rows.size(), rows.size() * PANEL, columns};
}

template <class T>
py::tuple drop(std::pair<uint32_t, uint32_t> key, const Array<int64_t>& rows, int columns, const Array<T>& o,
               int activation, std::optional<Array<T>> slope, uint32_t threshold, T scale) {
  require(columns >= 1 && is_panels(o, panels_of(columns), rows.size()), "o: expected panels of the rows");
  require(!slope || is_panels(*slope, panels_of(columns), rows.size()), "slope: expected panels like o's");
  Buffer<T> outputs = aligned(o), slopes = slope ? aligned(*slope) : Buffer<T>(outputs.size());
  kernels<T>().drop({random_rows(key, rows, columns),
                     outputs.data(),
                     {slopes.data(), nullptr},
                     slope.has_value(),
                     Activation(activation),
                     threshold,
                     scale});
  return py::make_tuple(panels_array(outputs, rows.size()), panels_array(slopes, rows.size()));
}

template <class T>
py::array_t<T> add_noise(std::pair<uint32_t, uint32_t> key, const Array<int64_t>& rows, int columns, const Array<T>& o,
                         T sigma) {
  require(columns >= 1 && is_panels(o, panels_of(columns), rows.size()), "o: expected panels of the rows");
  Buffer<T> outputs = aligned(o);
  kernels<T>().add_noise({random_rows(key, rows, columns), outputs.data(), sigma});
  return panels_array(outputs, rows.size());
}

template <class T> void define(py::module_& m) {
  m.def("affine", &affine<T>, py::arg("o").noconvert(), py::arg("W").noconvert(), py::arg("n_in"), py::arg("n_out"),
        py::arg("activation"));
  m.def("hidden_delta", &hidden_delta<T>, py::arg("delta").noconvert(), py::arg("transposed").noconvert(),
        py::arg("n_out"), py::arg("n_in"), py::arg("activation"), py::arg("o").noconvert());
  m.def("weight_gradient", &weight_gradient<T>, py::arg("o").noconvert(), py::arg("delta").noconvert(), py::arg("n_in"),
        py::arg("n_out"), py::arg("minus_inverse_s"));
  m.def("output", &output<T>, py::arg("net").noconvert(), py::arg("Y").noconvert(), py::arg("n_out"),
        py::arg("activation"), py::arg("loss"), py::arg("collapsed"), py::arg("parameter") = std::vector<T>());
  m.def("drop", &drop<T>, py::arg("key"), py::arg("rows").noconvert(), py::arg("n_columns"), py::arg("o").noconvert(),
        py::arg("activation"), py::arg("slope").noconvert(), py::arg("threshold"), py::arg("scale"));
  m.def("add_noise", &add_noise<T>, py::arg("key"), py::arg("rows").noconvert(), py::arg("n_columns"),
        py::arg("o").noconvert(), py::arg("sigma"));
  m.def("elementary", &elementary<T>, py::arg("name"), py::arg("x").noconvert());
}
}  // namespace

void register_kernels(py::module_& module) {
  py::module_ m =
      module.def_submodule("kernels", "Each kernel by itself, on panels [columns / 32][rows][32]; for tests.");
  m.def("random_words", &random_words, py::arg("key"), py::arg("rows").noconvert(), py::arg("first"),
        py::arg("panels"));
  define<float>(m);
  define<double>(m);
}
