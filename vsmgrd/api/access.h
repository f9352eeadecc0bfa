// Who a client is and which role it has: by the socket it came to, by what the kernel or the TLS
// handshake says of it, and by a token it holds; never by what else it says.
//
// On the read-write socket root and the daemon's own user are admins; for others the first rule that
// fits counts; who fits none and can reach the socket (its mode says which group can) is a viewer.
// On the read-only socket everybody is a viewer. Remote clients are who their token says, or else
// whom a rule makes of their certificate; but whose certificate the peers' CA signed for the name of
// a peer is that peer, whatever the rules say. A token counts on the read-write socket, too. The
// metrics channel knows one secret, its own. Thread-safe.
//
// Refusals: 401 nobody we know, 403 the kernel does not name the client, 429 too many failures.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "base/sample.h"
#include "vsmgrd/api/bearer.h"
#include "vsmgrd/api/failure_limit.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/store/token_table.h"

namespace vs::http {

// Gives a role, within a scope, to whoever `who` fits.
struct RoleRule {
  enum class Who : std::uint8_t { user, group, certificate, common_name } who{};
  std::uint32_t id = 0;    // of the user or the group
  std::string text;        // the certificate's SHA-256 in 64 hex digits; the subject's common name
  Role role = Role::nobody;
  LabelSelector scope{};

  // "uid:1000=operator", "gid:44=viewer@env=prod", "cert:SHA256=admin", "cn:NAME=viewer": the scope,
  // a label selector, stands after the @. Errors: invalid.
  static Result<RoleRule> parse(std::string_view text);
};

// What may change while we serve.
struct AccessSettings {
  std::vector<RoleRule> roles{};
  std::optional<SecretHash> metrics_secret{};  // none: the metrics channel asks for none
  std::set<std::string> peers{};               // names of other nodes
};

class Access {
 public:
  struct Refused {
    int status = 401;
    std::string why;
    std::chrono::seconds retry_after{0};
  };

  // The token of a secret, when it counts; as TokenTable::find.
  using FindToken = std::function<std::optional<Token>(std::string_view secret)>;

  // Whether a token that was found still counts; as TokenTable::counts.
  using TokenCounts = std::function<bool(const TokenUse& use)>;

  // `owner` is the daemon's own user. `find_token` may be empty: then there are none; without
  // `token_counts` those that were found count for ever. `clock` must outlive it.
  Access(uid_t owner, AccessSettings settings, FindToken find_token, const Clock& clock,
         TokenCounts token_counts = {});

  void reload(AccessSettings settings);
  [[nodiscard]] tl::expected<Identity, Refused> identify(const Request& request);
  // Whether who was identified so may still do what it may: for streams and waits, which outlive the
  // moment. No when its token was revoked, expired or was rotated out, or when other rules count.
  [[nodiscard]] bool still(const Identity& identity, const Origin& origin) const;
  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  using Identified = tl::expected<Identity, Refused>;
  [[nodiscard]] Identified identify_peer(const Origin& origin) const;
  [[nodiscard]] std::optional<Identity> identify_node(const Origin& origin) const;
  [[nodiscard]] Identified identify_certificate(const Origin& origin) const;
  [[nodiscard]] Identified identify_bearer(const Request& request);
  [[nodiscard]] std::optional<Identity> bearer(const Request& request, std::string_view secret);
  // Gives what the first rule that fits gives.
  void apply_rules(Identity& identity, const Origin& origin) const;

  const uid_t owner_;
  const FindToken find_token_;
  const TokenCounts token_counts_;
  Guarded<std::shared_ptr<const AccessSettings>> settings_;
  FailureLimit failures_;
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> throttled_{0};
};

// Whether the method is one that only reads.
bool reads_only(std::string_view method);

}  // namespace vs::http
