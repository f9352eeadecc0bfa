// The service manager's end of NOTIFY_SOCKET.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/unique_fd.h"

namespace vs::test {

class ManagerSocket {
 public:
  // `name` as in NOTIFY_SOCKET: a path, or "@..." for an abstract one.
  explicit ManagerSocket(std::string name) : name_(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool abstract = name_[0] == '@';
    if (abstract) address.sun_path[0] = '\0';
    fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = offsetof(sockaddr_un, sun_path) + name_.size() + (abstract ? 0 : 1);
    VS_CHECK(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
  }
  ~ManagerSocket() {
    if (name_[0] != '@') ::unlink(name_.c_str());
  }
  ManagerSocket(const ManagerSocket&) = delete;
  ManagerSocket& operator=(const ManagerSocket&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // The next message; "" when there is none now.
  [[nodiscard]] std::string take() const { return receive(MSG_DONTWAIT); }
  [[nodiscard]] std::string wait() const { return receive(0); }

 private:
  [[nodiscard]] std::string receive(int flags) const {
    std::array<char, 4096> text{};
    const ssize_t bytes = ::recv(fd_.get(), text.data(), text.size(), flags);
    return {text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
  }

  std::string name_;
  UniqueFd fd_;
};

}  // namespace vs::test
