// A request from its arrival to its response: identified, read, routed, authorised, logged and
// counted.
//
// Thread-safe. Never throws and never fails: every error is a response. What it reports to
// `on_request` is bounded: method is one of GET HEAD PUT PATCH POST DELETE or "other", route is a
// template of the router or "unmatched".
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string_view>

#include "base/clock.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/refusal_log.h"
#include "vsmgrd/api/router.h"

namespace vs::http {

using OnRequest = std::function<void(std::string_view method, std::string_view route, int status,
                                     std::chrono::nanoseconds duration)>;

class Dispatcher {
 public:
  // `access`, `refusals` (which may be null) and `clock` must outlive it.
  Dispatcher(Router router, Access& access, const Clock& clock, OnRequest on_request,
             RefusalLog* refusals = nullptr);

  // The response, or one with `later` set, which then gives it.
  [[nodiscard]] Response handle(Request request) const;

 private:
  struct Begun;
  void finish(const Begun& begun, Response& response) const;
  void note_refusal(const Begun& begun, const Response& response) const;
  [[nodiscard]] Router::Answer answer(Request& request) const;

  const Router router_;
  Access& access_;
  const Clock& clock_;
  const OnRequest on_request_;
  RefusalLog* const refusals_;
};

}  // namespace vs::http
