// The table of routes, and the checks that are the same for all of them.
//
// Immutable once filled; thread-safe then. A path template has at most one parameter, {name}. What
// no route takes is answered here: 404 unknown path, 405 wrong method (with Allow), 400 unknown
// query parameter or a body where none belongs, 415 a body that is not application/json, 500 a
// handler threw. HEAD is answered as GET.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/api/http.h"

namespace vs::http {

struct Call {
  const Request& request;
  std::string_view name;  // the path's {name}
  bool dry_run = false;   // ?dryRun=true
};

struct Route {
  std::string method;  // "GET"
  std::string path;    // "/v1/domains/{name}"
  std::function<Response(const Call&)> handle;
  bool takes_body = false;
  bool writes = false;  // and so takes ?dryRun=true
};

class Router {
 public:
  void add(Route route);
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  struct Answer {
    std::string_view route;  // the template; "unmatched" when there is none
    bool writes = false;     // the request changes things, or would have if it had been let
    Response response;
  };
  [[nodiscard]] Answer answer(const Request& request) const;

 private:
  std::vector<Route> routes_;
};

inline constexpr std::string_view kUnmatched = "unmatched";

}  // namespace vs::http
