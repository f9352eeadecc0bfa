#include "vsctl/client/daemon.h"

#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsctl/client/fields.h"

namespace vs::ctl {
namespace {

constexpr int kNoContent = 204;
constexpr const char* kPageItems = "1000";  // the most that the daemon gives at once

// "?a=b&c=d", escaped; what is empty is left out.
class Query {
 public:
  Query& add(std::string_view name, const std::string& value) {
    if (!value.empty())
      text_ += fmt::format("{}{}={}", text_.empty() ? "?" : "&", name, Http::escape(value));
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string object_path(std::string_view plural, const std::string& name) {
  return fmt::format("/v1/{}/{}", plural, Http::escape(name));
}

std::string_view dry_run_query(bool dry_run) { return dry_run ? "?dryRun=true" : ""; }

// A file may have any name and a user may type any bytes: what is no UTF-8 is replaced, for the
// daemon to refuse.
std::string body_of(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// 128 bits: two requests never have the same.
std::string random_key() {
  std::random_device random;
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:08x}", random());
  return key;
}

nlohmann::json files_body(const std::vector<InputFile>& files) {
  nlohmann::json list = nlohmann::json::array();
  for (const InputFile& file : files) list.push_back({{"name", file.name}, {"text", file.text}});
  return {{"files", std::move(list)}};
}

Outcome<nlohmann::json> parsed(const HttpReply& reply) {
  if (reply.status == kNoContent) return nlohmann::json::object();
  auto document = parse_json(reply.body);
  if (!document)
    return give_up(ExitCode::internal, "the daemon's answer is " + document.error().message);
  if (!document->is_object())
    return give_up(ExitCode::internal, "the daemon's answer is no JSON object");
  return std::move(*document);
}

}  // namespace

Outcome<HttpReply> Daemon::send(const HttpRequest& request) {
  auto reply = http_.send(request);
  if (!reply) return reply;
  if (reply->status < 200 || reply->status > 299)
    return give_up(refusal_of(reply->status, reply->content_type, reply->body));
  return reply;
}

Outcome<nlohmann::json> Daemon::send_for_json(const HttpRequest& request) {
  const auto reply = send(request);
  if (!reply) return give_up(reply.error());
  return parsed(*reply);
}

Outcome<nlohmann::json> Daemon::list(std::string_view plural, const ListWish& wish) {
  Query wanted;
  wanted.add("labelSelector", wish.label_selector).add("filter", wish.filter);
  auto list = send_for_json({.method = "GET", .target = fmt::format("/v1/{}{}", plural, wanted.text())});
  if (!list) return list;
  nlohmann::json& items = (*list)["items"];
  if (!items.is_array()) items = nlohmann::json::array();
  // The first page is the daemon's choice of size: most lists end with it.
  std::string token = text(field(*list, "metadata"), "continue");
  for (std::size_t page = 1; !token.empty(); ++page) {
    if (page == kPagesMax)
      return give_up(ExitCode::internal, fmt::format("/v1/{}: no end after {} pages", plural, page));
    Query next = wanted;
    next.add("limit", kPageItems).add("continue", token).add("view", wish.summary ? "summary" : "");
    auto more = send_for_json({.method = "GET", .target = fmt::format("/v1/{}{}", plural, next.text())});
    if (!more) return more;
    for (nlohmann::json& item : (*more)["items"]) items.push_back(std::move(item));
    token = text(field(*more, "metadata"), "continue");
  }
  if (list->contains("metadata"))
    for (const char* of_page : {"continue", "remaining"}) (*list)["metadata"].erase(of_page);
  return list;
}

Outcome<nlohmann::json> Daemon::get(std::string_view plural, const std::string& name) {
  return send_for_json({.method = "GET", .target = object_path(plural, name)});
}

Outcome<nlohmann::json> Daemon::get_live(std::string_view plural, const std::string& name) {
  const bool lives = plural == "bindings" || plural == "domains";
  return send_for_json({.method = "GET", .target = object_path(plural, name) + (lives ? "?live=true" : "")});
}

Outcome<nlohmann::json> Daemon::remove(std::string_view plural, const std::string& name,
                                       bool dry_run) {
  const std::string path = object_path(plural, name);
  const auto present = send({.method = "GET", .target = path});
  if (!present) return give_up(present.error());
  if (present->etag.empty())
    return give_up(ExitCode::internal, path + ": the daemon's answer has no ETag");
  return send_for_json({.method = "DELETE",
                        .target = path + std::string(dry_run_query(dry_run)),
                        .headers = {"If-Match: " + present->etag}});
}

Outcome<nlohmann::json> Daemon::apply(const std::vector<InputFile>& files, const ApplyWish& wish) {
  Query query;
  query.add("dryRun", wish.dry_run ? "true" : "").add("prune", wish.prune);
  return post("/v1/apply" + query.text(), files_body(files));
}

Outcome<nlohmann::json> Daemon::diff(const std::vector<InputFile>& files, const std::string& prune) {
  return post("/v1/diff" + Query().add("prune", prune).text(), files_body(files));
}

Outcome<nlohmann::json> Daemon::explain(const std::string& domain, const std::string& service) {
  return send_for_json({.method = "POST",
                        .target = "/v1/explain",
                        .body = body_of({{"domain", domain}, {"service", service}})});
}

Outcome<Tagged> Daemon::get_tagged(std::string_view plural, const std::string& name) {
  const std::string path = object_path(plural, name);
  const auto reply = send({.method = "GET", .target = path});
  if (!reply) return give_up(reply.error());
  if (reply->etag.empty())
    return give_up(ExitCode::internal, path + ": the daemon's answer has no ETag");
  auto object = parsed(*reply);
  if (!object) return give_up(std::move(object.error()));
  return Tagged{.object = std::move(*object), .tag = reply->etag};
}

Outcome<nlohmann::json> Daemon::replace(std::string_view plural, const std::string& name,
                                        const nlohmann::json& object, const std::string& tag,
                                        bool dry_run) {
  return send_for_json({.method = "PUT",
                        .target = object_path(plural, name) + std::string(dry_run_query(dry_run)),
                        .headers = {"If-Match: " + tag},
                        .body = body_of(object)});
}

Outcome<nlohmann::json> Daemon::replace_yaml(std::string_view plural, const std::string& name,
                                             const std::string& yaml, const std::string& tag) {
  return send_for_json({.method = "PUT",
                        .target = object_path(plural, name),
                        .headers = {"If-Match: " + tag},
                        .body = yaml,
                        .content_type = "application/yaml"});
}

Outcome<nlohmann::json> Daemon::read(const std::string& target) {
  return send_for_json({.method = "GET", .target = target});
}

Outcome<nlohmann::json> Daemon::post(const std::string& target, const nlohmann::json& body) {
  // An answer with a secret is not kept, and so cannot be given again.
  const bool secret = target.starts_with("/v1/tokens");
  return send_for_json({.method = "POST",
                        .target = target,
                        .headers = secret ? std::vector<std::string>() : std::vector<std::string>{"Idempotency-Key: " + random_key()},
                        .body = body_of(body)});
}

Outcome<nlohmann::json> Daemon::erase(const std::string& target) {
  return send_for_json({.method = "DELETE", .target = target});
}

Outcome<nlohmann::json> Daemon::past_events(const EventWish& wish) {
  nlohmann::json all;
  std::string since = wish.since;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    Query query;
    query.add("since", since).add("kind", wish.kind).add("labelSelector", wish.label_selector);
    query.add("filter", wish.filter).add("limit", kPageItems);
    auto list = send_for_json({.method = "GET", .target = "/v1/events" + query.text()});
    if (!list) return list;
    const nlohmann::json metadata = field(*list, "metadata");
    if (all.is_null())
      all = std::move(*list);
    else
      for (nlohmann::json& event : (*list)["items"]) all["items"].push_back(std::move(event));
    all["metadata"] = metadata;
    since = text(metadata, "next");
    if (!is_true(metadata, "more") || since.empty()) return all;
  }
  return give_up(ExitCode::internal, "/v1/events: no end");
}

Outcome<> Daemon::events(const EventWish& wish, const OnEvent& on_event) {
  Query query;
  query.add("since", wish.since).add("kind", wish.kind).add("labelSelector", wish.label_selector);
  query.add("filter", wish.filter);
  EventStream stream;
  bool overlong = false;
  const auto reply = http_.stream(
      {.method = "GET", .target = "/v1/events" + query.text()}, [&](std::string_view piece) {
        stream.feed(piece);
        while (const auto event = stream.next())
          if (!on_event(*event)) return false;
        overlong = stream.broken();
        return !overlong;
      });
  if (!reply) return give_up(reply.error());
  if (overlong) return give_up(ExitCode::internal, "/v1/events: an event larger than the limit");
  if (reply->status < 200 || reply->status > 299)
    return give_up(refusal_of(reply->status, reply->content_type, reply->body));
  return {};
}

Outcome<nlohmann::json> Daemon::version() {
  return send_for_json({.method = "GET", .target = "/v1"});
}

Outcome<std::string> Daemon::metrics() {
  auto reply = send({.method = "GET", .target = "/metrics"});
  if (!reply) return give_up(reply.error());
  return std::move(reply->body);
}

}  // namespace vs::ctl
