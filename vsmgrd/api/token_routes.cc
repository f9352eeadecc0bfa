#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/api/body.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/writing.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using nlohmann::json;

inline constexpr std::chrono::seconds kTokenLifetime = std::chrono::hours{24 * 30};
inline constexpr std::chrono::seconds kTokenGrace = std::chrono::hours{1};

json json_of(const Token& token) {
  const auto now = std::chrono::system_clock::now();
  json out{{"kind", "Token"},
           {"id", token.id},
           {"name", token.name},
           {"role", token.role},
           {"scope", token.scope},
           {"createdBy", token.created_by},
           {"createdAt", format_time(token.created_at)},
           {"expiresAt", format_time(token.expires_at)},
           {"state", token.revoked_at ? "revoked" : token.expires_at <= now ? "expired" : "active"}};
  if (token.last_used_at) out["lastUsedAt"] = format_time(*token.last_used_at);
  if (token.revoked_at) out["revokedAt"] = format_time(*token.revoked_at);
  return out;
}

// The body's members as texts; those not given are not in it.
Checked<std::map<std::string, std::string>> texts_of(const Request& request,
                                                     const std::vector<std::string>& known) {
  auto body = parse_body(request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  std::vector<Problem> problems;
  std::map<std::string, std::string> texts;
  if (!body->is_object()) return refuse_body({{"", "must be an object"}});
  for (const auto& [key, value] : body->items()) {
    const std::string pointer = '/' + pointer_token(key);
    if (std::find(known.begin(), known.end(), key) == known.end())
      problems.push_back({pointer, "unknown member " + in_quotes(key), did_you_mean(key, known)});
    else if (!value.is_string())
      problems.push_back({pointer, "must be a string"});
    else
      texts.emplace(key, value.get<std::string>());
  }
  if (!problems.empty()) return refuse_body(std::move(problems));
  return texts;
}

// The duration that `texts` has under `key`, or `otherwise`; what is wrong with it goes to `problems`.
std::chrono::seconds duration_in(const std::map<std::string, std::string>& texts,
                                 const std::string& key, std::chrono::seconds otherwise,
                                 std::vector<Problem>& problems) {
  const auto found = texts.find(key);
  if (found == texts.end()) return otherwise;
  const auto duration = parse_duration(found->second);
  if (duration) return std::chrono::duration_cast<std::chrono::seconds>(*duration);
  problems.push_back({'/' + key, duration.error().message});
  return otherwise;
}

Response refuse_token(const Call& call, const Error& error) {
  return problem_response(read_problem(error), call.request.id);
}

Response issued_response(int status, const IssuedToken& issued) {
  return json_response(status, {{"token", json_of(issued.token)}, {"secret", issued.secret}});
}

Response issue(TokenTable& tokens, const Call& call) {
  const auto texts = texts_of(call.request, {"name", "role", "scope", "lifetime"});
  if (!texts) return problem_response(invalid_problem(texts.error()), call.request.id);
  std::vector<Problem> problems;
  for (const char* needed : {"name", "role"})
    if (!texts->contains(needed)) problems.push_back({std::string("/") + needed, "is missing"});
  const auto text = [&](const char* key) {
    const auto found = texts->find(key);
    return found == texts->end() ? std::string() : found->second;
  };
  const auto scope = LabelSelector::parse(text("scope"));
  if (!scope) problems.push_back({"/scope", scope.error().message});
  const auto lifetime = duration_in(*texts, "lifetime", kTokenLifetime, problems);
  if (!problems.empty())
    return problem_response(invalid_problem(refuse_body(std::move(problems)).value()),
                            call.request.id);
  const auto issued = tokens.issue({.name = text("name"),
                                    .role = text("role"),
                                    .scope = scope->text(),
                                    .lifetime = lifetime},
                                   actor_of(call.request));
  if (!issued) return refuse_token(call, issued.error());
  Response response = issued_response(201, *issued);
  response.headers.emplace_back("Location", "/v1/tokens/" + issued->token.id);
  return response;
}

Response rotate(TokenTable& tokens, const Call& call) {
  const auto texts = texts_of(call.request, {"lifetime", "grace"});
  if (!texts) return problem_response(invalid_problem(texts.error()), call.request.id);
  std::vector<Problem> problems;
  const auto lifetime = duration_in(*texts, "lifetime", kTokenLifetime, problems);
  const auto grace = duration_in(*texts, "grace", kTokenGrace, problems);
  if (!problems.empty())
    return problem_response(invalid_problem(refuse_body(std::move(problems)).value()),
                            call.request.id);
  const auto issued =
      tokens.rotate(std::string(call.name), lifetime, grace, actor_of(call.request));
  if (!issued) return refuse_token(call, issued.error());
  return issued_response(200, *issued);
}

Response list_tokens(const TokenTable& tokens) {
  json items = json::array();
  for (const Token& token : tokens.list()) items.push_back(json_of(token));
  return json_response(200, {{"items", std::move(items)}});
}

Response get_token(const TokenTable& tokens, const Call& call) {
  const auto token = tokens.get(std::string(call.name));
  return token ? json_response(200, json_of(*token)) : refuse_token(call, token.error());
}

Response revoke(TokenTable& tokens, const Call& call) {
  if (auto revoked = tokens.revoke(std::string(call.name), actor_of(call.request)); !revoked)
    return refuse_token(call, revoked.error());
  return get_token(tokens, call);
}

}  // namespace

void add_token_routes(Router& router, TokenTable& tokens) {
  const auto add = [&](const char* method, const char* path, auto handle, bool takes_body) {
    router.add({.method = method,
                .path = path,
                .handle = [&tokens, handle](const Call& call) { return handle(tokens, call); },
                .takes_body = takes_body,
                .needs = Role::admin,
                .node_wide = true,
                .secret = takes_body});
  };
  add("GET", "/v1/tokens", [](TokenTable& all, const Call&) { return list_tokens(all); }, false);
  add("POST", "/v1/tokens", issue, true);
  add("GET", "/v1/tokens/{id}", [](TokenTable& all, const Call& call) { return get_token(all, call); }, false);
  add("DELETE", "/v1/tokens/{id}", revoke, false);
  add("POST", "/v1/tokens/{id}:rotate", rotate, true);
}

}  // namespace vs::http
