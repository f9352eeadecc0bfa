// vsmgrd as vsctl sees it: the calls of its REST API that the commands need (schemas/openapi.yaml).
//
// Owned by one thread. Errors: those of Http, and every answer that is no success, with all its
// problems; internal, when the answer is not what the contract says.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "vsctl/client/event_stream.h"
#include "vsctl/client/http.h"

namespace vs::ctl {

struct InputFile {
  std::string name;  // what messages call it
  std::string text;
};

// What of a list is wanted; each empty: all.
struct ListWish {
  std::string label_selector{};
  std::string filter{};
  bool summary = false;  // of long lists only what a table shows; of what documents declare
};

struct ApplyWish {
  bool dry_run = false;
  std::string prune{};  // a label selector: what it selects and no file declares is deleted
};

struct Tagged {
  nlohmann::json object;
  std::string tag;
};

struct EventWish {
  std::string since{};  // the id of the last that was seen; empty: what comes from now on
  std::string kind{};
  std::string label_selector{};
  std::string filter{};
};
using OnEvent = std::function<bool(const ServerEvent& event)>;

inline constexpr std::size_t kPagesMax = 10'000;  // of one list

class Daemon {
 public:
  explicit Daemon(Http& http) : http_(http) {}

  // `plural` is the path segment of a kind: "domains". Every page of it, as one list.
  Outcome<nlohmann::json> list(std::string_view plural, const ListWish& wish = {});
  Outcome<nlohmann::json> get(std::string_view plural, const std::string& name);
  // The same, with what it does now; the daemon asks others for that.
  Outcome<nlohmann::json> get_live(std::string_view plural, const std::string& name);
  // Deletes what stands there now, and not what somebody puts there meanwhile.
  Outcome<nlohmann::json> remove(std::string_view plural, const std::string& name, bool dry_run);
  // An object, and the tag of what it is now, for a change that must not overwrite another's.
  Outcome<Tagged> get_tagged(std::string_view plural, const std::string& name);
  // Replaces what has this tag. conflict, when it has changed since.
  Outcome<nlohmann::json> replace(std::string_view plural, const std::string& name,
                                  const nlohmann::json& object, const std::string& tag, bool dry_run);
  // The same, by a YAML text as people write it; problems come with their lines.
  Outcome<nlohmann::json> replace_yaml(std::string_view plural, const std::string& name,
                                       const std::string& yaml, const std::string& tag);
  // Creates or replaces everything the files declare, or nothing. The files' text must be UTF-8.
  Outcome<nlohmann::json> apply(const std::vector<InputFile>& files, const ApplyWish& wish);
  // The same, rolled back, with what would change in each object.
  Outcome<nlohmann::json> diff(const std::vector<InputFile>& files, const std::string& prune);
  Outcome<nlohmann::json> explain(const std::string& domain, const std::string& service);
  Outcome<nlohmann::json> version();
  Outcome<nlohmann::json> read(const std::string& target);
  // With an Idempotency-Key: what went through and was not answered is not done twice.
  Outcome<nlohmann::json> post(const std::string& target, const nlohmann::json& body);
  Outcome<nlohmann::json> erase(const std::string& target);
  // The events that are kept, after `since`; all pages.
  Outcome<nlohmann::json> past_events(const EventWish& wish);
  // Events after `since` as they come, until `on_event` says no or the connection ends. Errors also:
  // not_found, when those after `since` are no longer kept.
  Outcome<> events(const EventWish& wish, const OnEvent& on_event);
  Outcome<std::string> metrics();  // Prometheus text

  void hang_up() { http_.hang_up(); }
  void renew_deadline() { http_.renew_deadline(); }

 private:
  Outcome<HttpReply> send(const HttpRequest& request);
  Outcome<nlohmann::json> send_for_json(const HttpRequest& request);

  Http& http_;
};

}  // namespace vs::ctl
