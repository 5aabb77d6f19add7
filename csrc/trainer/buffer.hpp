// SPDX-License-Identifier: BSD-3-Clause
// Memory for panels: 64-byte aligned, zeroed, freed with its owner.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

template <class T> class Buffer {
 public:
  static constexpr std::align_val_t alignment{64};

  Buffer() = default;
  explicit Buffer(std::size_t size) : size_(size) {
    if (size > PTRDIFF_MAX / sizeof(T)) throw std::bad_alloc();
    if (!size) return;
    data_ = static_cast<T*>(::operator new(size * sizeof(T), alignment));
    std::memset(static_cast<void*>(data_), 0, size * sizeof(T));
  }
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_) { other.data_ = nullptr, other.size_ = 0; }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { ::operator delete(data_, alignment); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};
