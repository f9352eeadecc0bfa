// vsmgrd as vsctl sees it: the calls of its REST API that the commands need (schemas/openapi.yaml).
//
// Owned by one thread. Errors: those of Http, and every answer that is no success, with all its
// problems; internal, when the answer is not what the contract says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsctl/client/http.h"

namespace vs::ctl {

struct InputFile {
  std::string name;  // what messages call it
  std::string text;
};

class Daemon {
 public:
  explicit Daemon(Http& http) : http_(http) {}

  // `plural` is the path segment of a kind: "domains".
  Outcome<nlohmann::json> list(std::string_view plural);
  Outcome<nlohmann::json> get(std::string_view plural, const std::string& name);
  // Deletes what stands there now, and not what somebody puts there meanwhile.
  Outcome<nlohmann::json> remove(std::string_view plural, const std::string& name, bool dry_run);
  // Creates or replaces everything the files declare, or nothing. The files' text must be UTF-8.
  Outcome<nlohmann::json> apply(const std::vector<InputFile>& files, bool dry_run);
  Outcome<nlohmann::json> explain(const std::string& domain, const std::string& service);
  Outcome<nlohmann::json> version();
  Outcome<std::string> metrics();  // Prometheus text

  void hang_up() { http_.hang_up(); }

 private:
  Outcome<HttpReply> send(const HttpRequest& request);
  Outcome<nlohmann::json> send_for_json(const HttpRequest& request);

  Http& http_;
};

}  // namespace vs::ctl
