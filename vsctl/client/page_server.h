// Shows the daemon's page to a browser: passes what the page asks for on to the daemon, as who runs this.
//
// A browser speaks neither to a unix socket nor with a token. Listens on 127.0.0.1 only; page_request.h says what is passed on.
// A thread for each connection, kPageConnectionsMax at most: one more is closed at once. open() and serve() belong to one thread.
// Errors: conflict, when the port is taken; internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "vsctl/client/deadline.h"
#include "vsctl/client/endpoint.h"
#include "vsctl/client/failure.h"

namespace vs::ctl {

inline constexpr int kPageConnectionsMax = 32;
inline constexpr std::chrono::seconds kPageHeadTime{10};   // for a request's head
inline constexpr std::chrono::milliseconds kPageRetry{100};  // when this process has no file descriptor left
inline constexpr std::chrono::seconds kPageWriteTime{30};  // for a browser to take a piece

class PageServer {
 public:
  // Port 0: any that is free. `deadline` is for connecting to the daemon.
  static Outcome<PageServer> open(Endpoint endpoint, Deadline deadline, std::uint16_t port);

  [[nodiscard]] const std::string& address() const { return address_; }  // "http://127.0.0.1:PORT/SECRET/ui"
  Outcome<> serve();  // until something breaks

 private:
  PageServer(UniqueFd listener, Endpoint endpoint, Deadline deadline, std::string secret, std::string address);

  UniqueFd listener_;
  Endpoint endpoint_;
  Deadline deadline_;
  std::string secret_;
  std::string address_;
};

}  // namespace vs::ctl
