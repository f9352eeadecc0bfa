// The table of routes, and the checks that are the same for all of them.
//
// Immutable once filled; thread-safe then. A path template has at most one parameter, {name} or
// {id}, and after it may stand a verb: "{id}:cancel". Each
// route says which role it needs; one that says nothing is open to nobody. What no route takes is
// answered here: 404 unknown path, 405 wrong method (with Allow), 403 the identity may not, 400
// unknown query parameter or a body where none belongs, 415 a body of a type that is not taken, 500 a
// handler threw. HEAD is answered as GET.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/api/http.h"
#include "vsmgrd/store/idempotency_table.h"

namespace vs::http {

struct Call {
  const Request& request;
  std::string_view name;  // the path's {name} or {id}
  bool dry_run = false;   // ?dryRun=true
  // Of Idempotency-Key: to be stored with what is done. While anybody has it the request counts as being handled.
  std::shared_ptr<const IdempotencyKey> key{};

  // The value of a query parameter; nullopt when it is not there.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view of) const;
};

struct Route {
  std::string method;  // "GET"
  std::string path;    // "/v1/domains/{name}", "/v1/operations/{id}:cancel"
  std::function<Response(const Call&)> handle;
  bool takes_body = false;
  bool takes_yaml = false;  // its body may be YAML, too
  bool writes = false;  // and so takes ?dryRun=true
  Role needs = Role::nobody;  // and more: nobody may
  bool node_wide = false;     // touches what has no labels: not for an identity with a scope
  std::vector<std::string> query{};  // the parameters it takes, besides dryRun
  bool keeps_key = false;            // stores an Idempotency-Key itself, with its change
  bool secret = false;               // its answer must not be stored, and so it takes no such key
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
