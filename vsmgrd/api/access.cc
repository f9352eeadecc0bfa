#include "vsmgrd/api/access.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using Who = RoleRule::Who;

inline constexpr std::size_t kSha256Digits = 64;

bool fits(const RoleRule& rule, const Origin& origin) {
  switch (rule.who) {
    case Who::user: return origin.peer && origin.peer->uid == rule.id;
    case Who::group:
      return origin.peer &&
             (origin.peer->gid == rule.id ||
              std::find(origin.groups.begin(), origin.groups.end(), rule.id) != origin.groups.end());
    case Who::certificate: return origin.certificate_sha256 == rule.text;
    case Who::common_name:
      return !origin.certificate_sha256.empty() && origin.certificate_subject == rule.text;
  }
  __builtin_unreachable();
}

// "AB:CD:..." as openssl prints it, or without colons; in lower case.
std::string fingerprint(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ':') digits += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool right = digits.size() == kSha256Digits &&
                     digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return right ? digits : std::string();
}

// Reads WHO into `rule`; what is wrong with it otherwise.
std::string_view read_who(std::string_view who, RoleRule& rule) {
  const std::string_view kind = who.substr(0, who.find(':'));
  const std::string_view rest = who.substr(std::min(kind.size() + 1, who.size()));
  if (kind == "uid" || kind == "gid") {
    rule.who = kind == "uid" ? Who::user : Who::group;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), rule.id);
    const bool whole = error == std::errc{} && end == rest.data() + rest.size();
    return whole ? "" : "a number is expected before the =";
  }
  if (kind == "cert") {
    rule.who = Who::certificate;
    rule.text = fingerprint(rest);
    return rule.text.empty() ? "a SHA-256 fingerprint, 64 hex digits, is expected before the =" : "";
  }
  if (kind == "cn") {
    rule.who = Who::common_name;
    rule.text = rest;
    return rest.empty() ? "a name is expected before the =" : "";
  }
  return "begins with uid:, gid:, cert: or cn:";
}

}  // namespace

bool reads_only(std::string_view method) { return method == "GET" || method == "HEAD"; }

Result<RoleRule> RoleRule::parse(std::string_view text) {
  const auto fault = [&](std::string_view what) {
    return fail(ErrorCode::invalid, fmt::format("role rule {}: {}", in_quotes(text), what));
  };
  RoleRule rule;
  const std::size_t equals = text.find('=');
  const std::string_view wrong = read_who(text.substr(0, equals), rule);
  if (!wrong.empty()) return fault(wrong);
  if (equals == std::string_view::npos) return fault("=ROLE is missing");
  const std::string_view given = text.substr(equals + 1);
  const std::size_t at = given.find('@');
  const auto role = role_named(given.substr(0, at));
  if (!role) return fault("the role is one of viewer, operator, policy-admin, admin");
  rule.role = *role;
  if (at == std::string_view::npos) return rule;
  auto scope = LabelSelector::parse(given.substr(at + 1));
  if (!scope) return fault(scope.error().message);
  if (scope->everything()) return fault("a selector is expected after the @");
  rule.scope = std::move(*scope);
  return rule;
}

Access::Access(uid_t owner, AccessSettings settings, FindToken find_token, const Clock& clock,
               TokenCounts token_counts)
    : owner_(owner),
      find_token_(std::move(find_token)),
      token_counts_(std::move(token_counts)),
      settings_(std::make_shared<const AccessSettings>(std::move(settings))),
      failures_(clock) {}

void Access::reload(AccessSettings settings) {
  auto fresh = std::make_shared<const AccessSettings>(std::move(settings));
  settings_.with([&](auto& current) { current = std::move(fresh); });
}

void Access::apply_rules(Identity& identity, const Origin& origin) const {
  const auto settings = settings_.with([](const auto& current) { return current; });
  for (const RoleRule& rule : settings->roles) {
    if (!fits(rule, origin)) continue;
    identity.role = rule.role;
    identity.scope = rule.scope;
    return;
  }
}

Access::Identified Access::identify_peer(const Origin& origin) const {
  if (!origin.peer)
    return tl::unexpected(Refused{403, "the kernel does not say who sits at the other end"});
  Identity identity{.principal = fmt::format("uid:{}", origin.peer->uid),
                    .role = Role::viewer,
                    .channel = origin.channel};
  if (origin.channel == Channel::local_read_only) return identity;
  if (origin.peer->uid == 0 || origin.peer->uid == owner_)
    identity.role = Role::admin;
  else
    apply_rules(identity, origin);
  return identity;
}

std::optional<Identity> Access::identify_node(const Origin& origin) const {
  const auto settings = settings_.with([](const auto& current) { return current; });
  if (origin.channel != Channel::remote || !settings->peers.contains(origin.certificate_node)) return std::nullopt;
  return Identity{.principal = "peer:" + origin.certificate_node, .role = Role::peer, .channel = origin.channel};
}

Access::Identified Access::identify_certificate(const Origin& origin) const {
  if (auto peer = identify_node(origin)) return std::move(*peer);
  if (!origin.certificate_node.empty() && origin.certificate_sha256.empty())
    return tl::unexpected(Refused{401, in_quotes(origin.certificate_node) + " is no peer that is known here"});
  if (origin.certificate_sha256.empty())
    return tl::unexpected(Refused{401, "a client certificate or a token is needed"});
  const std::string& name = origin.certificate_subject;
  Identity identity{.principal = "cert:" + (name.empty() ? origin.certificate_sha256 : name),
                    .channel = origin.channel};
  apply_rules(identity, origin);
  if (identity.role == Role::nobody)
    return tl::unexpected(Refused{401, "the client certificate is nobody's that is known here"});
  return identity;
}

std::optional<Identity> Access::bearer(const Request& request, std::string_view secret) {
  const Channel channel = request.origin.channel;
  if (channel == Channel::metrics) {
    const auto settings = settings_.with([](const auto& current) { return current; });
    if (settings->metrics_secret && !settings->metrics_secret->fits(secret)) return std::nullopt;
    return Identity{.principal = "metrics", .role = Role::viewer, .channel = channel};
  }
  const auto token = find_token_ ? find_token_(secret) : std::nullopt;
  if (!token) return std::nullopt;
  const auto role = role_named(token->role);
  auto scope = LabelSelector::parse(token->scope);
  if (!role || !scope) {  // we wrote it: a scope that cannot be read must not become none
    log::error("token.unreadable", {{"id", token->id}});
    return std::nullopt;
  }
  return Identity{.principal = "token:" + token->name,
                  .role = *role,
                  .channel = channel,
                  .scope = std::move(*scope),
                  .token = TokenTable::use_of(secret)};
}

Access::Identified Access::identify_bearer(const Request& request) {
  const std::string client = client_key(request.origin);
  if (const auto wait = failures_.wait(client); wait.count() > 0) {
    ++throttled_;
    return tl::unexpected(Refused{429, "too many failures to say who you are", wait});
  }
  if (auto identity = bearer(request, bearer_of(request))) return std::move(*identity);
  ++failed_;
  failures_.failed(client);
  return tl::unexpected(Refused{401, "the token is none that counts here"});
}

tl::expected<Identity, Access::Refused> Access::identify(const Request& request) {
  const bool shows_token = !request.header("authorization").empty();
  switch (request.origin.channel) {
    case Channel::local_read_only: return identify_peer(request.origin);
    case Channel::local: return shows_token ? identify_bearer(request) : identify_peer(request.origin);
    case Channel::remote:
      return shows_token ? identify_bearer(request) : identify_certificate(request.origin);
    case Channel::metrics: return identify_bearer(request);
  }
  __builtin_unreachable();
}

bool Access::still(const Identity& identity, const Origin& origin) const {
  if (identity.token) return !token_counts_ || token_counts_(*identity.token);
  if (identity.channel == Channel::metrics) return true;  // it has no streams
  const auto now =
      identity.channel == Channel::remote ? identify_certificate(origin) : identify_peer(origin);
  return now && now->may(identity.role) && now->scope.text() == identity.scope.text();
}

std::vector<Sample> Access::samples() const {
  return {{.name = "vservices_auth_failures_total",
           .help = "Requests with a token that does not count.",
           .value = static_cast<double>(failed_.load())},
          {.name = "vservices_auth_throttled_total",
           .help = "Requests of clients that failed too often, answered without a look.",
           .value = static_cast<double>(throttled_.load())}};
}

}  // namespace vs::http
