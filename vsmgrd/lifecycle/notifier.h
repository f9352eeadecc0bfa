// What the service manager is told: sd_notify(3), its datagram protocol, without its library.
//
// Without NOTIFY_SOCKET nothing is sent and nothing fails. Thread-safe. Errors are ignored: a
// manager that does not listen must not stop a service.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace vs {

class Notifier {
 public:
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no program
  // that is started later speaks in our name. Before there are threads.
  static Notifier from_environment();

  // `socket`: a path, or "@name" for an abstract one.
  Notifier(std::string socket, std::optional<std::chrono::microseconds> watchdog);

  void ready(std::string_view status) const;
  void reloading() const;  // until the next ready()
  void stopping(std::string_view status) const;
  void status(std::string_view status) const;
  void alive() const;

  // How long the manager waits for alive() before it ends us; nullopt when it does not.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  void send(const std::string& lines) const;

  std::string socket_;
  std::optional<std::chrono::microseconds> watchdog_;
  UniqueFd fd_;
};

}  // namespace vs
