// Owns one file descriptor and closes it once.
//
// Owned by one thread; may be moved to another.
#pragma once

#include <unistd.h>

#include <utility>

namespace vs {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (const int old = std::exchange(fd_, fd); old >= 0) ::close(old);
  }

 private:
  int fd_ = -1;
};

// Closes or frees what a C library hands out: std::unique_ptr<sqlite3_stmt, CloseWith<&sqlite3_finalize>>.
template <auto Close>
struct CloseWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Close(handle);
  }
};

}  // namespace vs
