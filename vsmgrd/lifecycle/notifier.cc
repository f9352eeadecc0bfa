#include "vsmgrd/lifecycle/notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>

#include <fmt/format.h>

namespace vs {
namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

std::optional<std::int64_t> positive(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

// A status is one line.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (c == '\n') c = ' ';
  return line;
}

}  // namespace

Notifier Notifier::from_environment() {
  std::string socket = take_variable("NOTIFY_SOCKET");
  const auto interval = positive(take_variable("WATCHDOG_USEC"));
  const auto pid = positive(take_variable("WATCHDOG_PID"));
  const bool for_us = interval && (!pid || *pid == ::getpid());
  return {std::move(socket),
          for_us ? std::optional(std::chrono::microseconds(*interval)) : std::nullopt};
}

Notifier::Notifier(std::string socket, std::optional<std::chrono::microseconds> watchdog)
    : socket_(std::move(socket)), watchdog_(watchdog) {
  if (socket_.empty()) return;
  fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

// RELOADING wants the time, so that the manager can tell this reload's READY from an earlier one.
void Notifier::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                   std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

void Notifier::ready(std::string_view status) const {
  send("READY=1\nSTATUS=" + one_line(status));
}
void Notifier::stopping(std::string_view status) const {
  send("STOPPING=1\nSTATUS=" + one_line(status));
}
void Notifier::status(std::string_view status) const { send("STATUS=" + one_line(status)); }
void Notifier::alive() const { send("WATCHDOG=1"); }

void Notifier::send(const std::string& lines) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!fd_ || socket_.size() >= sizeof address.sun_path) return;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // abstract: no final zero belongs to it
  const auto size = offsetof(sockaddr_un, sun_path) + socket_.size() + (socket_[0] == '@' ? 0 : 1);
  [[maybe_unused]] const ssize_t sent =
      ::sendto(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
}

}  // namespace vs
