// A request from its arrival to its response: identified, read, authorised, routed, logged and
// counted.
//
// Thread-safe. Never throws and never fails: every error is a response. What it reports to
// `on_request` is bounded: method is one of GET HEAD PUT POST DELETE or "other", route is a
// template of the router or "unmatched".
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string_view>

#include "base/clock.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/router.h"

namespace vs::http {

using OnRequest = std::function<void(std::string_view method, std::string_view route, int status,
                                     std::chrono::nanoseconds duration)>;

class Dispatcher {
 public:
  // `owner` is the daemon's own user. `clock` must outlive it.
  Dispatcher(Router router, uid_t owner, const Clock& clock, OnRequest on_request);

  [[nodiscard]] Response handle(Request request) const;

 private:
  [[nodiscard]] Router::Answer answer(Request& request) const;

  const Router router_;
  const uid_t owner_;
  const Clock& clock_;
  const OnRequest on_request_;
};

}  // namespace vs::http
