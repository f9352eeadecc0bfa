#include "vsctl/client/daemon.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace vs::ctl {
namespace {

constexpr int kNoContent = 204;

std::string object_path(std::string_view plural, const std::string& name) {
  return fmt::format("/v1/{}/{}", plural, Http::escape(name));
}

std::string_view dry_run_query(bool dry_run) { return dry_run ? "?dryRun=true" : ""; }

// A file may have any name and a user may type any bytes: what is no UTF-8 is replaced, for the
// daemon to refuse.
std::string body_of(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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

Outcome<nlohmann::json> Daemon::list(std::string_view plural) {
  return send_for_json({.method = "GET", .target = fmt::format("/v1/{}", plural)});
}

Outcome<nlohmann::json> Daemon::get(std::string_view plural, const std::string& name) {
  return send_for_json({.method = "GET", .target = object_path(plural, name)});
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

Outcome<nlohmann::json> Daemon::apply(const std::vector<InputFile>& files, bool dry_run) {
  nlohmann::json list = nlohmann::json::array();
  for (const InputFile& file : files) list.push_back({{"name", file.name}, {"text", file.text}});
  return send_for_json({.method = "POST",
                        .target = fmt::format("/v1/apply{}", dry_run_query(dry_run)),
                        .body = body_of({{"files", std::move(list)}})});
}

Outcome<nlohmann::json> Daemon::explain(const std::string& domain, const std::string& service) {
  return send_for_json({.method = "POST",
                        .target = "/v1/explain",
                        .body = body_of({{"domain", domain}, {"service", service}})});
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
